"""Where people live: the real districts; invented local bodies, wards, villages and taluks.

District names are SPARK's, codes those of the Local Government Directory; a local body's code is built like
those of the State Election Commission (G, M or C, the Commission's number of the district, a number).
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from ariyippu.demo.kerala import names

PEOPLE_OF_WARD = 1480  # 3.5 crore in 23,611 wards
WARDS_OF_BODY = 19  # about as many on average
LEAST_BODIES = 28  # two to a district: a small Kerala has fewer wards in each, not fewer districts
BODIES_OF_TALUK = 13
KINDS = {"C": "CORPORATION", "M": "MUNICIPALITY", "G": "PANCHAYAT"}
WARDS = {"C": (56, 45), "M": (26, 27), "G": (14, 11)}  # the fewest, and how many more there may be


class District(NamedTuple):
    name: str
    lgd_code: int
    commission_number: int
    panchayats: int
    municipalities: int
    corporations: int


DISTRICTS = (
    District("ALAPPUZHA", 554, 4, 72, 6, 0),
    District("ERNAKULAM", 555, 7, 82, 13, 1),
    District("IDUKKI", 556, 6, 52, 2, 0),
    District("KANNUR", 557, 13, 71, 9, 1),
    District("KASARAGOD", 558, 14, 38, 3, 0),
    District("KOLLAM", 559, 2, 68, 4, 1),
    District("KOTTAYAM", 560, 5, 71, 6, 0),
    District("KOZHIKODE", 561, 11, 70, 7, 1),
    District("MALAPPURAM", 562, 10, 94, 12, 0),
    District("PALAKKAD", 563, 9, 88, 7, 0),
    District("PATHANAMTHITTA", 564, 3, 53, 4, 0),
    District("THIRUVANANTHAPURAM", 565, 1, 73, 4, 1),
    District("THRISSUR", 566, 8, 86, 7, 1),
    District("WAYANAD", 567, 12, 23, 3, 0),
)


@dataclass(frozen=True)
class LocalBody:
    code: str
    name: str
    district: int  # its place in DISTRICTS
    wards: int
    taluk: str
    other_village: str  # of every third ward; the others lie in a village of the body's own name

    @property
    def kind(self) -> str:
        return KINDS[self.code[0]]


@functools.cache
def local_bodies() -> tuple[LocalBody, ...]:
    """All of them: corporations, municipalities, panchayats, each by district."""
    found: list[LocalBody] = []
    invented = names.load().places
    step = 641  # has no factor in common with their number: neighbours do not sound alike
    called = [invented[number * step % len(invented)] for number in range(len(invented))]
    for letter in KINDS:
        for place, district in enumerate(DISTRICTS):
            for number in range(1, _bodies(letter, district) + 1):
                nth = len(found)
                fewest, more = WARDS[letter]
                found.append(
                    LocalBody(
                        code=f"{letter}{district.commission_number:02}{number:03}",
                        name=called[nth],
                        district=place,
                        wards=fewest + nth * 7 % more,
                        taluk=called[-1 - place * 10 - number // BODIES_OF_TALUK],
                        other_village=called[-200 - nth // 2],
                    )
                )
    return tuple(found)


def _bodies(letter: str, district: District) -> int:
    return {"C": district.corporations, "M": district.municipalities, "G": district.panchayats}[letter]


@dataclass(frozen=True)
class Bodies:
    """Text about every local body, by its place in `local_bodies`."""

    code: pa.Array
    name: pa.Array  # by names.SPELLINGS x place + spelling
    kind: pa.Array
    taluk: pa.Array
    other_village: pa.Array


@functools.cache
def bodies() -> Bodies:
    found = local_bodies()
    return Bodies(
        code=pa.array([body.code for body in found]),
        name=pa.array([spelt for body in found for spelt in names.spellings(body.name)]),
        kind=pa.array([body.kind for body in found]),
        taluk=pa.array([body.taluk for body in found]),
        other_village=pa.array([body.other_village for body in found]),
    )


@dataclass(frozen=True)
class Places:
    """The wards in which people live, by number. `body`, `district`: places in `local_bodies` and DISTRICTS."""

    body: pa.Array
    ward: pa.Array
    in_other_village: pa.Array
    district: pa.Array

    @property
    def wards(self) -> int:
        return len(self.ward)


def inhabited(people: int) -> Places:
    """As many wards as that many people fill, in every district; each is as full as Kerala's are."""
    known = local_bodies()
    wanted = min(len(known), max(LEAST_BODIES, people // (PEOPLE_OF_WARD * WARDS_OF_BODY)))
    chosen = [number * len(known) // wanted for number in range(wanted)]
    of_each = max(1, -(-people // (PEOPLE_OF_WARD * wanted)))
    wards = [(number, ward) for number in chosen for ward in range(1, min(of_each, known[number].wards) + 1)]
    return Places(
        body=pa.array([number for number, _ in wards]),
        ward=pa.array([ward for _, ward in wards]),
        in_other_village=pa.array([ward % 3 == 0 for _, ward in wards]),
        district=pa.array([known[number].district for number, _ in wards]),
    )
