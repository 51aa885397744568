"""Who may be told: stays, objections, what was told before -> an audience with a reason for everyone."""
