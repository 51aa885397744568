import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.transparency import note
from ariyippu.transparency.note import Checkpoint, Cosigner, Note, SignatureLine, Signer, VerifierKey

SIGNER = Signer("log.ariyippu.example/kerala", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
OTHER = Signer(SIGNER.name, Ed25519PrivateKey.from_private_bytes(b"o" * 32))
WITNESS = Cosigner("witness.ariyippu.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
ROOT = hashlib.sha256(b"root").digest()
TEXT = Checkpoint(SIGNER.name, 42, ROOT).text
NOTE = Note(TEXT, (SIGNER.sign(TEXT), WITNESS.cosign(TEXT, 1_700_000_000)))
LINE = SIGNER.sign(TEXT).text


def test_a_note_by_hand() -> None:
    text = "log.ariyippu.example/kerala\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    public = SIGNER.secret.public_key().public_bytes_raw()
    key_id = hashlib.sha256(SIGNER.name.encode() + b"\n\x01" + public).digest()[:4]
    line = f"— {SIGNER.name} {note.encode_base64(key_id + SIGNER.secret.sign(text.encode()))}\n"
    parsed = Note.parse((text + "\n" + line).encode())
    assert Checkpoint.parse(parsed.text) == Checkpoint(SIGNER.name, 0, hashlib.sha256(b"").digest())
    assert note.is_signed(parsed, SIGNER.key)
    assert parsed.encode() == (text + "\n" + line).encode()


def test_a_cosignature_by_hand() -> None:
    public = WITNESS.secret.public_key().public_bytes_raw()
    key_id = hashlib.sha256(WITNESS.name.encode() + b"\n\x04" + public).digest()[:4]
    signature = WITNESS.secret.sign(b"cosignature/v1\ntime 1700000000\n" + TEXT.encode())
    by_hand = SignatureLine(WITNESS.name, key_id, (1_700_000_000).to_bytes(8, "big") + signature)
    assert WITNESS.cosign(TEXT, 1_700_000_000) == by_hand
    assert note.cosigned_at_s(NOTE, WITNESS.key) == 1_700_000_000


@given(
    origin=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1),
    size=st.integers(0, note.MAX_SIZE),
    root=st.binary(min_size=32, max_size=32),
)
def test_checkpoints_come_back_as_they_went(origin: str, size: int, root: bytes) -> None:
    head = Checkpoint(origin, size, root)
    signed = Note(head.text, (SIGNER.sign(head.text), WITNESS.cosign(head.text, size)))
    parsed = Note.parse(signed.encode())
    assert parsed == signed
    assert Checkpoint.parse(parsed.text) == head
    assert note.is_signed(parsed, SIGNER.key)
    assert note.cosigned_at_s(parsed, WITNESS.key) == size


@pytest.mark.parametrize(
    "content",
    [
        b"",
        TEXT.encode(),
        TEXT.encode() + LINE.encode(),  # no blank line
        (TEXT + "\n" + LINE).encode()[:-1],  # no newline at the end
        (TEXT + "\n").encode(),  # no signature
        (TEXT + "\n\n" + LINE).replace("kerala\n42", "kerala\r\n42").encode(),
        (TEXT + "\n" + LINE + "\n").encode(),
        (TEXT + "\n" + LINE + "x\n").encode(),
        ("a\tb\n\n" + LINE).encode(),
        ("a\0b\n\n" + LINE).encode(),
        b"\xff\n\n" + LINE.encode(),
        (TEXT + "\n" + LINE.replace("—", "-")).encode(),
        (TEXT + "\n" + LINE.replace("— ", "—  ")).encode(),
        (TEXT + "\n" + LINE.replace("— ", "—\u00a0")).encode(),
        (TEXT + "\n" + LINE.replace("kerala ", "kerala+ ")).encode(),
        (TEXT + "\n" + LINE.replace("kerala", "ker\u2003ala")).encode(),
        (TEXT + "\n" + LINE[:-1] + "=\n").encode(),
        (TEXT + "\n" + LINE[:-1] + " \n").encode(),
        (TEXT + "\n— x AAAAAA==\n").encode(),  # a key id and no signature
        (TEXT + "\n— x AAAAAAE\n").encode(),  # no padding
        (TEXT + "\n— x AAAAAAF=\n").encode(),  # base64 with stray bits
        (TEXT + "\n" + LINE * (note.MAX_SIGNATURES + 1)).encode(),
        ("x" * note.MAX_NOTE_BYTES + "\n\n" + LINE).encode(),
    ],
)
def test_malformed_notes_are_refused(content: bytes) -> None:
    with pytest.raises(RefusedError, match=r"note\.malformed"):
        Note.parse(content)


def test_at_least_sixteen_signatures_are_read() -> None:
    parsed = Note.parse((TEXT + "\n" + WITNESS.cosign(TEXT, 7).text * 15 + LINE).encode())
    assert len(parsed.signatures) == 16
    assert note.is_signed(parsed, SIGNER.key)


def test_the_last_blank_line_splits() -> None:
    text = "first\n\nsecond\n"
    parsed = Note.parse((text + "\n" + SIGNER.sign(text).text).encode())
    assert parsed.text == text
    assert note.is_signed(parsed, SIGNER.key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        TEXT.replace("42", "042"),
        TEXT.replace("42", "+42"),
        TEXT.replace("42", "-0"),
        TEXT.replace("42", "4_2"),
        TEXT.replace("42", "٤٢"),
        TEXT.replace("42", ""),
        TEXT.replace("42", str(2**63)),
        TEXT.replace(SIGNER.name, ""),
        TEXT.replace(note.encode_base64(ROOT), note.encode_base64(ROOT[1:])),
        TEXT.replace(note.encode_base64(ROOT), note.encode_base64(ROOT).rstrip("=")),
        TEXT + "\n",
        TEXT[:-1],
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match=r"note\.malformed"):
        Checkpoint.parse(text)


def test_extension_lines_are_passed_over() -> None:
    assert Checkpoint.parse(TEXT + "more\n") == Checkpoint.parse(TEXT)


def test_unknown_keys_are_ignored_and_known_keys_must_verify() -> None:
    assert not note.is_signed(NOTE, OTHER.key)  # same name, other key id
    assert not note.is_signed(NOTE, VerifierKey("elsewhere.example", note.ED25519, SIGNER.key.public))
    wrong = SignatureLine(SIGNER.name, SIGNER.key.key_id, OTHER.secret.sign(TEXT.encode()))
    for lines in ((wrong,), (SIGNER.sign(TEXT), wrong)):
        with pytest.raises(RefusedError, match=r"note\.bad_signature"):
            note.is_signed(Note(TEXT, lines), SIGNER.key)
    unclaimed = SignatureLine(SIGNER.name, b"\0\0\0\0", wrong.value)
    assert note.is_signed(Note(TEXT, (unclaimed, SIGNER.sign(TEXT))), SIGNER.key)
    assert not note.is_signed(Note(TEXT, (unclaimed,)), SIGNER.key)


def test_a_cosignature_holds_for_its_time_only() -> None:
    line = WITNESS.cosign(TEXT, 1000)
    moved = SignatureLine(line.name, line.key_id, (1001).to_bytes(8, "big") + line.value[8:])
    with pytest.raises(RefusedError, match=r"note\.bad_signature"):
        note.cosigned_at_s(Note(TEXT, (moved,)), WITNESS.key)
    assert note.cosigned_at_s(Note(TEXT, (SIGNER.sign(TEXT),)), WITNESS.key) is None
    with pytest.raises(RefusedError, match=r"note\.invalid_key"):
        note.cosigned_at_s(NOTE, SIGNER.key)


def test_verifier_keys_come_back_as_they_went() -> None:
    for key in (SIGNER.key, WITNESS.key):
        assert VerifierKey.parse(str(key)) == key
    name, key_id, value = str(SIGNER.key).split("+", 2)
    assert value == note.encode_base64(b"\x01" + SIGNER.key.public)
    for text in (
        "",
        name,
        f"{name}+{key_id}",
        f"{name}+00000000+{value}",
        f"{name}+{key_id.upper()}0+{value}",
        f" {name}+{key_id}+{value}",
        f"{name}+{key_id}+{value}=",
        f"+{key_id}+{value}",
        f"{name}+{key_id}+" + note.encode_base64(b"\x02" + SIGNER.key.public),
    ):
        with pytest.raises(RefusedError, match=r"note\.invalid_key"):
            VerifierKey.parse(text)
