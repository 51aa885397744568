"""The public register: what was asked, ordered, stayed, refused and sent, in counts, for anyone to read.

    HOME/log -> projection.projection() -> a frozen Register -> views -> pages in Malayalam and English

It is a projection of the published log and of nothing else: no database, no session, no cookie.
"""
