"""The right to use data: purposes, offices and their keys, use requests and the grants they become."""
