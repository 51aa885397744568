"""A chunk's features: one schema for every register, null where there is nothing, the same keys everywhere."""

import os

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.base.keys import NAMES, Keyring
from ariyippu.ingest.contract import LINK_TYPES, LinkRole
from ariyippu.ingest.features.make import FEATURES_SCHEMA, Maker
from tests.ingest.features.alike import dice

KEYRING = Keyring({name: os.urandom(32) for name in NAMES})
ROLES = tuple(LINK_TYPES)


def made(**texts: str | None) -> dict[str, object]:
    """The features of one record with these values."""
    roles: list[LinkRole] = [role for role in ROLES if role in texts]
    batch = Maker(roles, KEYRING).batch([bytes(16)], {role: [texts[role]] for role in roles})
    assert batch.schema == FEATURES_SCHEMA
    row: dict[str, object] = batch.to_pylist()[0]
    return row


def test_every_register_has_the_same_columns_and_null_where_it_has_none() -> None:
    row = made(name="Anil K", mobile=None)
    assert [name for name, value in row.items() if value is not None] == [
        "record",
        *(f"name_{part}" for part in ("0", "1", "2", "3", "bits", "token", "sound", "head", "first", "initials")),
    ]
    everything = made(
        **dict.fromkeys(("name", "guardian", "house", "locality", "gender", "district", "identifier"), "Anil"),
        born_on="1980-07-03",
        mobile="+910123456789",
        email="anu@mail.example",
    )
    assert None not in everything.values()


@given(st.lists(st.none() | st.text(max_size=12), max_size=6))
def test_a_row_s_features_do_not_depend_on_its_neighbours(names: list[str | None]) -> None:
    together = Maker(["name", "house"], KEYRING).batch([bytes(16)] * len(names), {"name": names, "house": names})
    alone = [made(name=name, house=name) for name in names]
    assert together.to_pylist() == alone
    for row in alone:
        assert (row["name_token"] is None) == (row["name_0"] is None) == (row["name_initials"] is None)


def test_dice_in_sql_is_dice_of_the_filters() -> None:
    pairs = [("Renjith", "Ranjith"), ("Anil", "Gopalakrishnan"), ("Lakshmi", "Laxmi")]
    maker = Maker(["name"], KEYRING)
    tables = [
        pa.Table.from_batches([maker.batch([bytes([at]) * 16 for at in range(3)], {"name": list(side)})])
        for side in zip(*pairs, strict=True)
    ]
    both = " + ".join(f"bit_count(a.name_{n} & b.name_{n})::int" for n in range(4))
    with engine.connect() as relations:
        relations.register("a", tables[0])
        relations.register("b", tables[1])
        found = relations.execute(
            f"select 2.0 * ({both}) / (a.name_bits::int + b.name_bits::int) from a join b using (record)"  # noqa: S608
            " order by record"
        ).fetchall()
    assert [row[0] > 0.8 for row in found] == [True, False, True]
    assert found[2][0] == 1.0
    assert abs(found[0][0] - dice("renchit", "ranchit")) < 0.15  # under another key other bits collide


def test_initials_agree_by_their_bits() -> None:
    short, long, other = (made(name=name)["name_initials"] for name in ("Anil K", "Anil Krishnan", "Anil P"))
    assert short == long != other


def test_dates_agree_in_parts() -> None:
    one, swapped, later = (made(born_on=day) for day in ("1980-07-03", "1980-03-07", "1981-07-03"))
    assert one["born_day_month"] == swapped["born_day_month"] == later["born_day_month"]
    assert one["born_year"] == swapped["born_year"] != later["born_year"]
    assert len({row["born_token"] for row in (one, swapped, later)}) == 3


def test_codes_and_contacts_agree_across_spellings() -> None:
    one = made(gender="M", district="Trivandrum", identifier="UDYAM-KL-01-0000001", email="Anu@mail.example")
    other = made(gender="MALE", district="THIRUVANANTHAPURAM", identifier="udyamkl010000001", email="anu@mail.example")
    assert one == other
    assert made(gender="-", identifier=" ")["gender_token"] is None


def test_roles_have_keys_of_their_own() -> None:
    row = made(name="Anil", guardian="Anil", house="Anil", locality="Anil", gender="Anil", identifier="anil")
    tokens = [value for name, value in row.items() if name.endswith("_token") and value is not None]
    assert len(set(tokens)) == len(tokens) == 6
    assert len({row[f"{role}_0"] for role in ("name", "guardian", "house", "locality")}) == 4


def test_another_keyring_gives_other_features() -> None:
    other = Maker(["name"], Keyring({name: os.urandom(32) for name in NAMES}))
    (row,) = other.batch([bytes(16)], {"name": ["Anil Kumar"]}).to_pylist()
    assert not set(made(name="Anil Kumar").values()) - {None, bytes(16)} & set(row.values()) - {row["name_bits"]}
