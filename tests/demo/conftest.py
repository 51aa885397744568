import pytest

from ariyippu.demo.kerala.records import Kerala
from tests.demo.kerala import OnDisk

KERALA = Kerala(people=70_000, seed=5, bad_share=0.02)  # more than one chunk


@pytest.fixture(scope="session")
def kerala(tmp_path_factory: pytest.TempPathFactory) -> OnDisk:
    return OnDisk.write(tmp_path_factory.mktemp("kerala"), KERALA)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> OnDisk:
    """One in which no row is broken."""
    return OnDisk.write(tmp_path_factory.mktemp("sound"), Kerala(people=130_000, seed=11))
