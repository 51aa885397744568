"""What every verb begins with: the installation's home, and the zone that the process becomes."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ariyippu.base.errors import RefusedError

if TYPE_CHECKING:
    from ariyippu.base.home import Home, Zone

HomeOption = Annotated[Path | None, typer.Option("--home", help="The installation's folder (ARIYIPPU_HOME, or ./var).")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on the last line.")]

console = Console(stderr=True)


def home_of(path: Path | None) -> "Home":
    """The installation's home: the option, else ARIYIPPU_HOME, else ./var."""
    from ariyippu.base import home

    if path is not None:
        os.environ["ARIYIPPU_HOME"] = str(path.absolute())
    return home.current()


def enter(zone: "Zone", path: Path | None) -> "Home":
    """Become a process of this zone, with its database. RefusedError `home.not_installed` when there is none."""
    found = set_up(zone, path)
    from ariyippu.base.settings import database_url

    if not database_url():
        raise RefusedError("home.not_installed", f"{found.path} is not installed: run 'ariyippu init'.")
    return found


def set_up(zone: "Zone", path: Path | None) -> "Home":
    """Become a process of this zone: Django's settings, logs without values."""
    os.environ["ARIYIPPU_ZONE"] = zone
    os.environ["DJANGO_SETTINGS_MODULE"] = "ariyippu.base.settings"
    found = home_of(path)
    import django

    from ariyippu.base import logs

    logs.configure()
    django.setup()
    return found


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line of the standard output."""
    sys.stdout.write(json.dumps(value) + "\n")
