"""What is kept of a person for linking: keyed features, written here and read by `link` alone.

malayalam -> spelling -> names, codes -> marks -> make

The columns and what they mean stand in make.py. Nothing here can read what it wrote: a file of features is
encrypted for link's public key (base/keys.py), and opened by link/features.py.
"""
