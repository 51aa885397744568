"""Where people live: the real districts; invented local bodies, wards, villages and taluks.

District names are SPARK's, codes those of the Local Government Directory; a local body's code is built like
those of the State Election Commission (G, M or C, the Commission's number of the district, a number).
"""

import functools
import math
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo.kerala import names
from ariyippu.demo.kerala.draw import Draws, remainder

PEOPLE_OF_WARD = 1480  # 3.5 crore in 23,611 wards
SAME_BODY, SAME_DISTRICT = 0.4, 0.4  # of what lies elsewhere, or of moves; the rest lies anywhere
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
    """The wards in which people live, by number: those of a district, and of a body in it, follow each other.

    `body`, `district`: places in `local_bodies` and DISTRICTS; `body_wards`, `district_wards`: for each ward the
    number of its body's or its district's first one, and how many they are.
    """

    body: pa.Array
    ward: pa.Array
    district: pa.Array
    body_wards: tuple[pa.Array, pa.Array]
    district_wards: tuple[pa.Array, pa.Array]

    @property
    def wards(self) -> int:
        return len(self.ward)

    @property
    def in_other_village(self) -> pa.Array:
        return pc.equal(remainder(self.ward, 3), 0)

    def near(self, ward: pa.Array, draws: Draws, question: str) -> pa.Array:
        """Where somebody of that ward may have another house or field: mostly near."""
        distance = draws.chances(f"{question}: distance")
        same_body = draws.within(f"{question}: ward", *(column.take(ward) for column in self.body_wards))
        same_district = draws.within(f"{question}: body", *(column.take(ward) for column in self.district_wards))
        anywhere = draws.below(f"{question}: anywhere", self.wards)
        far = pc.if_else(pc.less(distance, SAME_BODY + SAME_DISTRICT), same_district, anywhere)
        return pc.if_else(pc.less(distance, SAME_BODY), same_body, far)


def inhabited(people: int) -> Places:
    """As many wards as that many people fill, in every district; each is as full as Kerala's are."""
    known = local_bodies()
    chosen = _chosen(people // (PEOPLE_OF_WARD * WARDS_OF_BODY))
    of_theirs = min(1.0, people / PEOPLE_OF_WARD / sum(known[number].wards for number in chosen))
    wards = [(number, ward) for number in chosen for ward in range(1, math.ceil(of_theirs * known[number].wards) + 1)]
    body, district = [number for number, _ in wards], [known[number].district for number, _ in wards]
    return Places(
        body=pa.array(body),
        ward=pa.array([ward for _, ward in wards]),
        district=pa.array(district),
        body_wards=_runs(body),
        district_wards=_runs(district),
    )


def _runs(groups: list[int]) -> tuple[pa.Array, pa.Array]:
    """For each row of groups that follow each other: where its group begins, and its size."""
    begins = {group: row for row, group in reversed(list(enumerate(groups)))}
    sizes = Counter(groups)
    return pa.array([begins[group] for group in groups]), pa.array([sizes[group] for group in groups])


def _chosen(wanted: int) -> list[int]:
    """About so many local bodies, evenly from their list, and one at least from each district; by district."""
    known = local_bodies()
    wanted = min(len(known), max(LEAST_BODIES, wanted))
    chosen = [number * len(known) // wanted for number in range(wanted)]
    missing = sorted(set(range(len(DISTRICTS))) - {known[number].district for number in chosen})
    chosen += [next(n for n, body in enumerate(known) if body.district == district) for district in missing]
    return sorted(chosen, key=lambda number: (known[number].district, number))
