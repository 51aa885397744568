"""Settings: read whole or refused, with the key at fault and never its value."""

from pathlib import Path

import pytest

from ariyippu.base import home as homes
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import Home, Settings


def settings(folder: Path, text: str) -> Settings:
    (folder / "settings.toml").write_text(text)
    return Home(folder).settings


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    assert Home(tmp_path).settings == Settings()
    assert settings(tmp_path, "") == Settings()
    assert not Settings().accept_test_numbers


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("colling_off_s = {}", "colling_off_s"),
        ("workers = 65", "workers"),
        ("hatch_port = 0", "hatch_port"),
        ("retry_s = 'value-x'", "retry_s"),
        ("[carriers.pigeon]\nurl = 'value-x'\nsender = 'a'", "carriers.pigeon"),
        ("[carriers.sms]\nurl = 'smpp://value-x'\nsender = 'a'\npasword = 'value-x'", "carriers.sms.pasword"),
        ("[carriers.email]\nsender = 'value-x'", "carriers.email.url"),
        ("[cooling_off_s]\n'dpv:PersonnelPayment' = 'value-x'", "cooling_off_s.dpv:PersonnelPayment"),
    ],
)
def test_a_fault_is_named_by_its_key_and_never_by_its_value(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(RefusedError) as caught:
        settings(tmp_path, text)
    assert caught.value.code == "settings.invalid"
    assert key in caught.value.message
    assert "value-x" not in caught.value.message


def test_what_is_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"settings\.invalid"):
        settings(tmp_path, "workers == 2")


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes("public_url = 'caf\u00e9'".encode("cp1252"))
    with pytest.raises(RefusedError, match=r"settings\.invalid"):
        _ = Home(tmp_path).settings


def test_a_carrier_is_read(tmp_path: Path) -> None:
    read = settings(tmp_path, "[carriers.email]\nurl = 'smtp://127.0.0.1:2525'\nsender = 'notices@finance.example'")
    assert read.carriers["email"].url == "smtp://127.0.0.1:2525"


def test_an_unknown_zone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIYIPPU_ZONE", "cellar")
    with pytest.raises(RefusedError, match=r"zone\.unknown"):
        homes.current_zone()


def test_the_home_is_the_environment_s_and_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARIYIPPU_HOME", "var")
    assert homes.default_path() == tmp_path / "var"
