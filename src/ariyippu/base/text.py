"""Numbers as the public may read them."""


def rounded(n: int) -> int:
    """`n` to the nearest ten, halves up. 0 means "fewer than ten": a group that small is not disclosed."""
    return 0 if n < 10 else (n + 5) // 10 * 10
