"""Who lives in this Kerala: households of four, a chunk at a time. Nobody exists.

    kind      members
    parents   a man, his wife, two children (sometimes twins)
    elders    a man, his wife, his father and his mother (for men born since 1968)

What stands here is what is true of a person and how they write themselves; what an office makes of it is
written.py's. Everything about chunk n follows from the seed and n.
"""

import datetime as dt
import functools
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo.kerala import names
from ariyippu.demo.kerala.draw import Draws, wheel
from ariyippu.demo.kerala.places import Places

HOUSEHOLDS, MEMBERS = 16_384, 4  # of a chunk, of a household
CHUNK_PEOPLE = HOUSEHOLDS * MEMBERS
MAN, WIFE, CHILD, FATHER, MOTHER = range(5)  # roles

FIRST_YEAR = 1900
YEAR_BEGINS = pa.array([(dt.date(year, 1, 1) - dt.date(1970, 1, 1)).days for year in range(FIRST_YEAR, 2031)])
LAST_BIRTH = 2024
MAN_BORN = (1950, 50)  # first year, how many
ELDERS_SINCE, ELDERS_SHARE = 1968, 0.5
TWINS_SHARE = 0.02
DIED = ((1950, 0.14), (1966, 0.05), (1990, 0.006), (2100, 0.0005))  # born before: the share that has died
SHARED_MOBILE = {MAN: 0.0, WIFE: 0.13, CHILD: 0.06, FATHER: 0.14, MOTHER: 0.22}  # use the man's
HUSBANDS_NAME_SHARE = 0.35  # of married women: Sreeja Anil, where others stay Sreeja K P
APART_SHARE = 0.6  # of names of two words: written apart

# How a person writes initials: see written.LAYOUTS. One wheel for each style of naming.
HABITS = tuple(
    wheel(dict(enumerate(weights)))
    for weights in ((44, 12, 14, 4, 8, 4, 12, 2), (40, 16, 8, 4, 8, 6, 14, 4), (16, 10, 8, 4, 10, 44, 6, 2))
)


@dataclass(frozen=True)
class _Household:
    """A column for each property of a household."""

    draws: Draws
    places: Places
    style: pa.Array
    elders: pa.Array
    house: pa.Array
    ward: pa.Array

    def name(self, whose: str, *others: pa.Array, female: bool) -> pa.Array:
        """A given name in the household's style, with another first word than those of up to three others."""
        found = names.load().wheels
        choices = [self.draws.turned(f"name of {whose}", found[n, female]) for n in range(len(HABITS))]
        return _unlike(pc.choose(self.style, *choices), *others)

    def birthplace(self, whose: str) -> tuple[pa.Array, pa.Array]:
        """The house and the ward of the parents of a woman who married into this house."""
        house = self.draws.below(f"house of {whose}", names.load().houses)
        return house, self.places.near(self.ward, self.draws, f"ward of {whose}")


def chunk(number: int, seed: int, places: Places) -> pa.RecordBatch:
    """The people CHUNK_PEOPLE x `number` and following, in the order of their numbers."""
    draws = Draws(f"{seed}|{number}|households", HOUSEHOLDS)
    man_year = pc.add(draws.below("man's year", MAN_BORN[1]), MAN_BORN[0])
    elders = pc.and_(pc.greater_equal(man_year, ELDERS_SINCE), draws.happens("elders", ELDERS_SHARE))
    home = _Household(
        draws,
        places,
        draws.turned("style", names.load().styles),
        elders,
        draws.below("house", names.load().houses),
        draws.below("ward", places.wards),
    )
    slots = _members(home, man_year)
    columns = {name: _interleaved([slot[name] for slot in slots]) for name in slots[0]}
    columns["number"] = pc.add(_PLACES, number * CHUNK_PEOPLE)
    columns |= _own(columns, Draws(f"{seed}|{number}|people", CHUNK_PEOPLE))
    return pa.RecordBatch.from_pydict(columns)


def _members(home: _Household, man_year: pa.Array) -> list[dict[str, Any]]:
    """The columns of each of the four slots."""
    man, wife = home.name("man", female=False), home.name("wife", female=True)
    grandfather, grandmother = home.name("father", man, female=False), home.name("mother", wife, female=True)
    wife_year = pc.add(man_year, home.draws.below("wife's year", 10))
    father_year = pc.subtract(man_year, pc.add(home.draws.below("father's year", 14), 22))
    mother_year = pc.add(father_year, home.draws.below("mother's year", 8))
    father = _born_here(home, "father", grandfather, home.name("grandfather", grandfather, female=False), father_year)
    father |= {"female": _all(False), "role": _all(FATHER)}
    mother = _married_in(home, "mother", grandmother, grandfather, mother_year) | {"role": _all(MOTHER)}
    first, second = _children(home, (man, wife), man_year)
    return [
        _born_here(home, "man", man, grandfather, man_year) | {"female": _all(False), "role": _all(MAN)},
        _married_in(home, "wife", wife, man, wife_year) | {"role": _all(WIFE)},
        {name: pc.if_else(home.elders, father[name], first[name]) for name in first},
        {name: pc.if_else(home.elders, mother[name], second[name]) for name in second},
    ]


def _all(value: int | bool) -> pa.Array:
    return pa.repeat(value, HOUSEHOLDS)


def _born_here(home: _Household, whose: str, given: pa.Array, father: pa.Array, year: pa.Array) -> dict[str, Any]:
    return {
        "style": home.style,
        "given": given,
        "father": father,
        "husband": pa.nulls(HOUSEHOLDS, pa.int64()),
        "house": home.house,
        "birth_house": home.house,
        "ward": home.ward,
        "birth_ward": home.ward,
        "born": _born(home.draws, year, whose),
    }


def _married_in(home: _Household, whose: str, given: pa.Array, husband: pa.Array, year: pa.Array) -> dict[str, Any]:
    father = home.name(f"{whose}'s father", female=False)
    house, ward = home.birthplace(whose)
    return _born_here(home, whose, given, father, year) | {
        "husband": husband,
        "birth_house": house,
        "birth_ward": ward,
        "female": _all(True),
    }


def _children(home: _Household, parents: tuple[pa.Array, pa.Array], year: pa.Array) -> list[dict[str, Any]]:
    """Two children of the man and his wife. Twins are of one sex and have names that sound alike."""
    twins = home.draws.happens("twins", TWINS_SHARE)
    first = _child(home, "first", parents, year)
    second = _child(home, "second", parents, year)
    second |= {name: pc.if_else(twins, first[name], second[name]) for name in ("born", "female", "given")}
    second["given"] = _unlike(second["given"], *parents, first["given"])
    return [first, second]


def _child(home: _Household, nth: str, parents: tuple[pa.Array, pa.Array], father_year: pa.Array) -> dict[str, Any]:
    female = home.draws.happens(f"sex of {nth}", 0.5)
    daughter = home.name(f"daughter {nth}", parents[1], female=True)
    son = home.name(f"son {nth}", parents[0], female=False)
    after = pc.add(home.draws.below(f"year of {nth}", 12), 22)
    year = pc.min_element_wise(pc.add(father_year, after), LAST_BIRTH)
    found = _born_here(home, nth, pc.if_else(female, daughter, son), parents[0], year)
    return found | {"female": female, "role": _all(CHILD)}


def _unlike(given: pa.Array, *others: pa.Array) -> pa.Array:
    """The names; instead of one with another's first word, that with the next first word that nobody has."""
    known = names.load()
    for _ in others:  # each can be in the way once
        taken = [pc.equal(known.first.take(given), known.first.take(other)) for other in others]
        given = pc.if_else(functools.reduce(pc.or_, taken), known.twin.take(given), given)
    return given


def _born(draws: Draws, year: pa.Array, whose: str) -> pa.Array:
    """Days since 1970."""
    begins = YEAR_BEGINS.take(pc.subtract(year, FIRST_YEAR))
    return pc.add(begins, draws.below(f"birthday of {whose}", 365))


def _interleaved(slots: list[pa.Array]) -> pa.Array:
    """The first household's members, then the second's …"""
    return pa.concat_arrays(slots).take(_ORDER)


_PLACES = pa.array(range(CHUNK_PEOPLE), pa.int64())
_ORDER = pa.array([slot * HOUSEHOLDS + n for n in range(HOUSEHOLDS) for slot in range(MEMBERS)])


def _own(people: dict[str, Any], draws: Draws) -> dict[str, Any]:
    """What does not come from the household."""
    year = pc.year(people["born"].cast(pa.int32()).cast(pa.date32()))
    fate, sharing = draws.chances("death"), draws.chances("mobile")
    by_age = [pc.less(year, before) for before, _ in DIED]
    died = pc.case_when(pc.make_struct(*by_age), *[pc.less(fate, share) for _, share in DIED])
    shared = pc.less(sharing, pa.array(list(SHARED_MOBILE.values())).take(people["role"]))
    mans = pc.multiply(pc.divide(people["number"], MEMBERS), MEMBERS)
    habits = [draws.turned(f"habit {n}", habit) for n, habit in enumerate(HABITS)]
    married = pc.is_valid(people["husband"])
    return {
        "year": year,
        "died": died,
        "mobile_shared": shared,
        "mobile_of": pc.if_else(shared, mans, people["number"]),
        "habit": pc.choose(people["style"], *habits),
        "apart": draws.happens("apart", APART_SHARE),
        "husbands_name": pc.and_(married, draws.happens("husband's name", HUSBANDS_NAME_SHARE)),
    }
