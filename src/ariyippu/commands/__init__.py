"""Groups of verbs of the command line that are too long for __main__.py; one module for each group."""
