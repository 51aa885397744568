"""Numbers as the public may read them, files as people write them."""

from pathlib import Path

from ariyippu.base.errors import RefusedError


def rounded(n: int) -> int:
    """`n` to the nearest ten, halves up. 0 means "fewer than ten": a group that small is not disclosed."""
    return 0 if n < 10 else (n + 5) // 10 * 10


def read(file: Path) -> str:
    """The text of a file in UTF-8, without a byte order mark. RefusedError `file.not_text`, `file.empty`; OSError."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError("file.not_text", f"{file}: not UTF-8 at byte {error.start}: save it as that.") from None
    if not text.strip():
        raise RefusedError("file.empty", f"{file}: there is nothing in it.")
    return text
