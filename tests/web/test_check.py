"""A paper or a document held against the register: where it stands, what became of it, who signed it."""

import datetime as dt
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from ariyippu.base.documents import Document, Envelope, Paper, sign
from ariyippu.web.register import check
from ariyippu.web.register.projection import projection
from ariyippu.web.register.shown.whole import EMPTY, Register
from tests.web.story import EVERYONE, ROOT, START, Log, notice, order, signed, told, use_request

NOW = START + dt.timedelta(days=3)
SCAN = b"%PDF an invented letter"
ASKED = use_request("with-a-letter").model_copy(
    update={"attachments": (Paper(sha256=hashlib.sha256(SCAN).hexdigest(), title="Letter"),)}
)


@pytest.fixture(scope="module")
def log() -> Log:
    made = Log()
    told(made)
    made.add_request(ASKED)
    return made


@pytest.fixture(scope="module")
def register(log: Log) -> Register:
    return projection(log.entries())


def test_a_scan_leads_to_what_it_is_attached_to(register: Register) -> None:
    (line,) = check.found(SCAN, register, NOW)
    assert line.startswith(f"Use request with-a-letter ({ASKED.case_number}): granted; entries ")
    assert check.signed(SCAN, register, NOW) == []
    assert check.found(SCAN + b" ", register, NOW) == []


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (ASKED, "Use request with-a-letter"),
        (order(notice(), use_request()), "Order da-arrears-1: handed_off; entries"),
        (notice(), "Order da-arrears-1"),
    ],
)
def test_a_document_is_found_by_its_envelope(register: Register, document: Document, line: str) -> None:
    envelope = signed(document, *EVERYONE)
    found = check.found(envelope.model_dump_json().encode(), register, NOW)
    assert found[-1].startswith(line)


def test_signatures_are_told_one_by_one(register: Register) -> None:
    envelope = sign(signed(ASKED, EVERYONE[0]), ROOT)
    text = envelope.model_dump_json().encode()
    assert check.signed(text, register, NOW) == [
        "Signed by Deputy Secretary (Pay) of finance (requester).",
        "A signature does not count: A signature is by a key outside the trust document.",
    ]
    assert check.signed(Envelope.of(ASKED).model_dump_json().encode(), register, NOW) == []
    assert check.signed(text, EMPTY, NOW) == []


def test_what_is_no_envelope_is_a_paper(register: Register) -> None:
    broken = Envelope.of(ASKED).model_copy(update={"payload": "§"}).model_dump_json().encode()
    for content in (b"", b"{}", broken):
        assert check.found(content, register, NOW) == check.signed(content, register, NOW) == []


def test_the_command_says_yes_or_no(log: Log, tmp_path: Path) -> None:
    log.publish(tmp_path / "log")
    scan, other = tmp_path / "scan.pdf", tmp_path / "other.pdf"
    scan.write_bytes(SCAN)
    other.write_bytes(b"another")
    for file, status, said in ((scan, 0, "Use request with-a-letter"), (other, 1, "Not in the public register.")):
        command = [sys.executable, "-m", "ariyippu", "document", "check", str(file), "--home", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stderr) == (status, True)
