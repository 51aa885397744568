"""What arrived outside: two append-only files of JSON lines, written in batches, read by the demo's pages."""

import json
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path
from typing import Any, TypedDict

MAILBOX = Path("outside/mailbox/arrived.jsonl")
PHONES = Path("outside/phones/arrived.jsonl")

# Mail that is no UTF-8 still comes back octet by octet.
ENCODING, ODD_OCTETS = "utf-8", "surrogateescape"


class Mail(TypedDict):
    id: str
    at: str  # RFC 3339
    sender: str
    to: str
    content: str  # the whole message as it arrived, CRLF


class Sms(TypedDict):
    id: str  # of its last part, as the submitter was told
    at: str  # RFC 3339
    sender: str
    to: str  # digits, without +
    text: str
    parts: int
    dlt_entity: str | None
    dlt_template: str | None
    state: str  # DELIVRD, UNDELIV or EXPIRED


class Keep:
    """Appends to both files. Lines wait in memory until `flush()`; call it several times a second."""

    def __init__(self, folder: Path) -> None:
        self._mailbox = _Appender(folder / MAILBOX)
        self._phones = _Appender(folder / PHONES)

    def mail(self, arrived: Mail) -> None:
        self._mailbox.lines.append(arrived)

    def sms(self, arrived: Sms) -> None:
        self._phones.lines.append(arrived)

    def flush(self) -> None:
        self._mailbox.flush()
        self._phones.flush()

    def close(self) -> None:
        self.flush()
        self._mailbox.file.close()
        self._phones.file.close()


def read_mail(folder: Path) -> Iterator[Mail]:
    """What arrived by e-mail, oldest first; nothing before the first one came."""
    yield from _read(folder / MAILBOX)


def read_sms(folder: Path) -> Iterator[Sms]:
    """What arrived by SMS, oldest first; nothing before the first one came."""
    yield from _read(folder / PHONES)


class _Appender:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file: BufferedWriter = path.open("ab")
        self.lines: list[Mail | Sms] = []

    def flush(self) -> None:
        if self.lines:
            lines, self.lines = self.lines, []
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            self.file.write(text.encode(ENCODING, ODD_OCTETS))
            self.file.flush()


def _read(path: Path) -> Iterator[Any]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):  # the last one may still be growing
                    yield json.loads(line.decode(ENCODING, ODD_OCTETS))
