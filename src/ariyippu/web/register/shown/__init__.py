"""What the register shows: orders, use requests, stays and refusals, as the log has them. Pure."""
