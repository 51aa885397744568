"""The keyring: who can read it, what it opens, and that it says nothing."""

from pathlib import Path

import pytest

from ariyippu.base import keys
from ariyippu.base.errors import PermanentError, RefusedError


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
