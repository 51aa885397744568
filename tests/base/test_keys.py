"""The keyring: who can read it, what it opens, and that it says nothing."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ariyippu.base import keys
from ariyippu.base.errors import PermanentError, RefusedError

PEM, PKCS8 = Encoding.PEM, PrivateFormat.PKCS8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


def test_a_new_keyring_is_its_account_s_alone_and_loads(path: Path) -> None:
    made = keys.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.load(path).token_key("a") == made.token_key("a")


def test_a_keyring_is_never_written_over(path: Path) -> None:
    keys.create(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        keys.create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_a_keyring_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    keys.create(path)
    path.chmod(mode)
    with pytest.raises(RefusedError, match=r"keyring\.readable"):
        keys.load(path)


def test_only_the_vault_loads_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.create(path)
    monkeypatch.setenv("ARIYIPPU_ZONE", "office")
    with pytest.raises(RefusedError, match=r"keyring\.zone"):
        keys.load(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version":1,"wrap":"AA==","token":"AA==","log":"AA=="}'])
def test_what_is_no_keyring_is_refused(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(RefusedError, match=r"keyring\.invalid"):
        keys.load(path)


def test_a_data_key_opens_in_its_own_context_only(path: Path) -> None:
    ring = keys.create(path)
    key, wrapped = ring.new_data_key("spark|mobile|one")
    assert ring.data_key(wrapped, "spark|mobile|one") == key
    with pytest.raises(PermanentError):
        ring.data_key(wrapped, "spark|mobile|two")


def test_token_keys_of_two_domains_differ_and_nothing_is_shown(path: Path) -> None:
    ring = keys.create(path)
    assert ring.token_key("record/spark") != ring.token_key("contact")
    assert repr(ring) == "Keyring(…)"


# --- link's key --------------------------------------------------------------------------------------


@pytest.fixture
def link_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARIYIPPU_STAGE", "link")
    return tmp_path / "link.key"


def test_the_door_seals_what_link_alone_opens(link_path: Path) -> None:
    public = keys.link_public_key(link_path)
    key, sealed = keys.seal_to_link(public, "spark|one|features")
    assert keys.load_link_key(link_path).data_key(sealed, "spark|one|features") == key
    assert keys.seal_to_link(public, "spark|one|features")[1] != sealed
    for other in (sealed[:-8] + "AAAAAAA=", keys.SEALED_TO_LINK):
        with pytest.raises(PermanentError):
            keys.load_link_key(link_path).data_key(other, "spark|one|features")
    with pytest.raises(PermanentError):
        keys.load_link_key(link_path).data_key(sealed, "spark|two|features")


def test_both_halves_are_made_once_and_the_private_one_is_its_account_s_alone(link_path: Path) -> None:
    keys.link_public_key(link_path)
    before = {file.name: file.read_bytes() for file in link_path.parent.iterdir()}
    assert set(before) == {"link.key", "link.pub"}
    assert link_path.stat().st_mode & 0o777 == 0o600
    keys.link_public_key(link_path)
    assert {file.name: file.read_bytes() for file in link_path.parent.iterdir()} == before
    assert repr(keys.load_link_key(link_path)) == "LinkKey(…)"


def test_the_door_needs_the_public_half_only(link_path: Path) -> None:
    keys.link_public_key(link_path)
    private = link_path.read_bytes()
    link_path.unlink()
    keys.seal_to_link(keys.link_public_key(link_path), "spark|one|features")
    assert not link_path.exists()
    with pytest.raises(RefusedError, match=r"link_key\.missing"):
        keys.load_link_key(link_path)
    link_path.write_bytes(private)
    with pytest.raises(RefusedError, match=r"link_key\.readable"):
        keys.load_link_key(link_path)


def test_a_crash_between_the_halves_is_mended(link_path: Path) -> None:
    key, sealed = keys.seal_to_link(keys.link_public_key(link_path), "c")
    link_path.with_suffix(".pub").unlink()
    keys.link_public_key(link_path)
    assert keys.load_link_key(link_path).data_key(sealed, "c") == key


@pytest.mark.parametrize("half", ["link.key", "link.pub"])
def test_what_is_no_key_of_link_is_refused(link_path: Path, half: str) -> None:
    keys.link_public_key(link_path)
    for text in ("", "no key", Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, NoEncryption()).decode()):
        (link_path.parent / half).write_text(text)
        with pytest.raises(RefusedError, match=r"link_key\.invalid"):
            keys.load_link_key(link_path) if half == "link.key" else keys.link_public_key(link_path)
