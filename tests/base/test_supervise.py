"""What a zone's process is given: its own database's address, and nobody else's."""

import subprocess
from pathlib import Path

import pytest

from ariyippu.base import install, supervise
from ariyippu.base.home import Home, Zone


class Started:
    """Instead of a process: what it would have been given."""

    environment: dict[str, str]

    def __init__(self, _command: list[str], *, env: dict[str, str], stderr: object) -> None:
        Started.environment = env


@pytest.mark.parametrize("zone", install.ZONES)
def test_no_zone_sees_the_owner_s_or_the_other_s_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: Zone
) -> None:
    for variable in (install.OWNER_VARIABLE, *map(install.zone_variable, install.ZONES)):
        monkeypatch.setenv(variable, "host=secret.example")
    monkeypatch.setattr(subprocess, "Popen", Started)
    (tmp_path / zone).mkdir()
    supervise.ZoneProcess(zone, Home(tmp_path))
    given = {name for name, value in Started.environment.items() if "secret.example" in value}
    assert given == {install.zone_variable(zone)}
    assert Started.environment["ARIYIPPU_ZONE"] == zone
