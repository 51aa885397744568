"""A vault of its own for one measurement: a folder, an embedded PostgreSQL, keys; gone afterwards.

Django reads its settings from the home, so the home is made first and Django set up after it. URLs of other
databases are taken out of the environment: a measurement must never write into an installation.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django

from ariyippu.base import home as homes
from ariyippu.base import install, logs, postgres
from ariyippu.base.home import Home

SETTINGS = "accept_test_numbers = true\n"
DATABASE_URLS = (
    "ARIYIPPU_DATABASE_URL",
    "ARIYIPPU_OWNER_DATABASE_URL",
    "ARIYIPPU_OFFICE_DATABASE_URL",
    "ARIYIPPU_VAULT_DATABASE_URL",
)


@contextlib.contextmanager
def vault() -> Iterator[Home]:
    """Make this process the vault of a fresh home, `homes.current()`, for as long as the block lasts."""
    path = Path(tempfile.mkdtemp(prefix="ariyippu-bench-"))
    path.chmod(0o711)  # so that PostgreSQL's account reaches its folder in it
    (path / "settings.toml").write_text(SETTINGS)
    for name in DATABASE_URLS:
        os.environ.pop(name, None)
    os.environ.update(ARIYIPPU_HOME=str(path), ARIYIPPU_ZONE="vault", DJANGO_SETTINGS_MODULE="ariyippu.base.settings")
    homes.current.cache_clear()
    home = homes.current()
    try:
        install.install(home)
        logs.configure()
        django.setup()
        yield home
    finally:
        postgres.remove(home.postgres)
        shutil.rmtree(path)
