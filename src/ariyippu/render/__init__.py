"""One message per person and channel: e-mail bytes, SMS text and its segments. Pure."""
