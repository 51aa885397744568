"""The features of records, version 1: what they are, and how a chunk of them is made.

One schema for every register, so that tables of several can be stacked; a column is null where the register has
no such value, the record has none, or the value holds nothing that can be compared. `record` is the record's
token, as in records.parquet, whose rows stand in the same order. Everything else is keyed (keyed.py).

    for ROLE = name, guardian, house, locality
    ROLE_0 … ROLE_3     the Bloom filter's four words
    ROLE_bits           how many of its bits are set: Dice is 2 x bit_count(a & b) / (a_bits + b_bits)
    ROLE_token          of the whole: equal wholes
    ROLE_sound          of the whole's sound: consonants alike
    ROLE_head           name and guardian: of the whole's head, for blocking
    ROLE_first          name and guardian: of the sound of the first long part
    ROLE_initials       name and guardian: bitmap of the first letters of all parts, long ones and initials

    born_token          of the date of birth; born_year, of its year
    born_day_month      of day and month in either order: 03-07 and 07-03 are one
    gender_token, district_token, identifier_token    of the values as codes.py gives them
    mobile_token, email_token    of the contact in its normal form; not the token of the domain `contact`

FEATURE_VERSION counts up whenever a feature of the same text would come out otherwise: features of two
versions cannot be compared.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

import pyarrow as pa

from ariyippu.base.keys import Keyring
from ariyippu.ingest.contract import LinkRole
from ariyippu.ingest.features import codes
from ariyippu.ingest.features.keyed import FILTER_BYTES, TOKEN_BYTES, Keyed
from ariyippu.ingest.features.names import Names, head, sound
from ariyippu.ingest.seal import TOKEN_BYTES as RECORD_BYTES

FEATURE_VERSION = 1
CACHE_WHOLES = 1 << 16  # for each role; about 20 MiB

_FILTER = ("0", "1", "2", "3", "bits", "token", "sound")
_COLUMNS: dict[LinkRole, tuple[str, ...]] = {  # in the order in which a row's integers stand
    "name": tuple(f"name_{part}" for part in (*_FILTER, "head", "first", "initials")),
    "guardian": tuple(f"guardian_{part}" for part in (*_FILTER, "head", "first", "initials")),
    "house": tuple(f"house_{part}" for part in _FILTER),
    "locality": tuple(f"locality_{part}" for part in _FILTER),
    "born_on": ("born_token", "born_year", "born_day_month"),
    "gender": ("gender_token",),
    "district": ("district_token",),
    "identifier": ("identifier_token",),
    "mobile": ("mobile_token",),
    "email": ("email_token",),
}
# Whose values of the same record say which parts of a name are initials that were written out (names.py).
_BESIDE: dict[LinkRole, tuple[LinkRole, ...]] = {"name": ("house", "guardian")}

FEATURES_SCHEMA = pa.schema(
    [pa.field("record", pa.binary(RECORD_BYTES), nullable=False)]
    + [
        pa.field(name, pa.int16() if name.endswith("_bits") else pa.int64())
        for columns in _COLUMNS.values()
        for name in columns
    ]
)

Row = bytes | None  # a role's integers, 8 little-endian bytes each


class Maker:
    """Makes the features of one file, chunk by chunk. What its caches hold of people goes with it."""

    def __init__(self, roles: Iterable[LinkRole], keyring: Keyring) -> None:
        names = Names()
        self._makers: dict[LinkRole, Callable[..., Row]] = {
            role: _row_maker(role, names, Keyed(keyring.token_key(f"feature/{role}"))) for role in roles
        }

    def batch(self, records: Sequence[bytes], texts: Mapping[LinkRole, Sequence[str | None]]) -> pa.RecordBatch:
        """FEATURES_SCHEMA of these records. `texts`: of each role its values in normal form, dates as YYYY-MM-DD."""
        made: dict[str, pa.Array] = {"record": pa.array(records, pa.binary(RECORD_BYTES))}
        for role, make in self._makers.items():
            nothing = [None] * len(records)
            beside = [texts.get(other, nothing) for other in _BESIDE.get(role, ())]
            rows = [None if row[0] is None else make(*row) for row in zip(texts[role], *beside, strict=True)]
            made |= _arrays(rows, _COLUMNS[role])
        absent = {name: pa.nulls(len(records), FEATURES_SCHEMA.field(name).type) for name in FEATURES_SCHEMA.names}
        return pa.RecordBatch.from_pydict({**absent, **made}, FEATURES_SCHEMA)


def _arrays(rows: Sequence[Row], names: Sequence[str]) -> dict[str, pa.Array]:
    """The columns of rows, without a Python object for each number."""
    nothing, width = bytes(TOKEN_BYTES * len(names)), len(names)
    valid = pa.array([row is not None for row in rows], pa.bool_()).buffers()[1]
    numbers = memoryview(b"".join([row or nothing for row in rows])).cast("q")
    arrays = {}
    for at, name in enumerate(names):
        column = pa.py_buffer(numbers[at::width].tobytes())
        array = pa.Array.from_buffers(pa.int64(), len(rows), [valid, column])
        arrays[name] = array.cast(FEATURES_SCHEMA.field(name).type)
    return arrays


# --- one value of each role -> its row ----------------------------------------------------------------


def _row_maker(role: LinkRole, names: Names, keyed: Keyed) -> Callable[..., Row]:
    """What makes a role's row of a text and, for a person's name, of those beside it. What comes again is made once."""
    if role == "name":
        return _person_maker(names, keyed)
    if role == "guardian":
        return functools.lru_cache(CACHE_WHOLES)(_person_maker(names, keyed))
    if role in ("house", "locality"):
        return functools.lru_cache(CACHE_WHOLES)(functools.partial(_place_row, names, keyed))
    if role == "born_on":
        return functools.lru_cache(CACHE_WHOLES)(functools.partial(_birth_row, keyed))
    if role in ("mobile", "email"):
        return lambda text: keyed.token("whole", text.lower())
    normal = {"gender": codes.gender, "district": codes.district, "identifier": codes.identifier}[role]
    return functools.lru_cache(CACHE_WHOLES)(functools.partial(_code_row, keyed, normal))


def _person_maker(names: Names, keyed: Keyed) -> Callable[..., Row]:
    cached = functools.lru_cache(CACHE_WHOLES)
    letters, longs = cached(keyed.letters), cached(functools.partial(_longs_row, names, keyed))

    def make(text: str, house: str | None = None, guardian: str | None = None) -> Row:
        person = names.person(text, house, guardian)
        return person and longs(person.longs) + letters(person.initials)

    return make


def _longs_row(names: Names, keyed: Keyed, longs: tuple[str, ...]) -> bytes:
    whole = names.whole(longs)
    return _filter_row(keyed, whole) + keyed.token("head", head(whole)) + keyed.token("sound", sound(longs[0]))


def _place_row(names: Names, keyed: Keyed, text: str) -> Row:
    whole = names.place(text)
    return None if whole is None else _filter_row(keyed, whole)


def _filter_row(keyed: Keyed, whole: str) -> bytes:
    bits = keyed.filter(whole)
    words, count = bits.to_bytes(FILTER_BYTES, "little"), bits.bit_count().to_bytes(8, "little")
    return words + count + keyed.token("whole", whole) + keyed.token("sound", sound(whole))


def _birth_row(keyed: Keyed, text: str) -> Row:
    year, *day_and_month = text.split("-")
    either = "-".join(sorted(day_and_month))
    return keyed.token("whole", text) + keyed.token("year", year) + keyed.token("day_month", either)


def _code_row(keyed: Keyed, normal: Callable[[str], str | None], text: str) -> Row:
    code = normal(text)
    return None if code is None else keyed.token("whole", code)
