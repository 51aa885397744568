"""A message's own page, for whoever holds the message: why it came, "not for me", "no more of these". No sign-in."""
