"""The verbs of the command line but for those of __main__.py: a module for each group, or for what belongs together."""
