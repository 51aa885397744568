"""The migrations make what the models say."""

import pytest
from django.core.management import call_command


@pytest.mark.usefixtures("clean_vault")
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True)
