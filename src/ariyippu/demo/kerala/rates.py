"""How many people stand in each register, and how often an office writes something otherwise.

Chosen before any linking model was trained, and not after what one can do: from what is plausible for Indian
administrative records that were typed at many counters. A rate holds for one record; two records of one
person differ about twice as often.
"""

from dataclasses import dataclass

TUNING_SEED = 20_260_224  # thresholds and models may look at this Kerala
HELD_OUT_SEED = 20_261_118  # published figures are of this one; nobody tunes on it


@dataclass(frozen=True)
class Shares:
    """The share of all people who stand in each register at least once: as in Kerala, unless told otherwise."""

    spark: float = 0.015  # 5.4 lakh of 3.5 crore
    prism: float = 0.018  # service and family pensions
    ksmart_business: float = 0.025
    ksmart_property: float = 0.25
    relis: float = 0.25
    land_with_building: float = 0.6  # of land is held as if by who owns buildings; the rest by anybody


DENSE = Shares(spark=0.5, prism=0.08, ksmart_business=0.05)  # a Kerala of state employees, for demonstrations


@dataclass(frozen=True)
class Errors:
    """The share of records in which each thing happens. A record's tags in the truth are these names."""

    spelling: float = 0.08  # a name spelt otherwise (th/t, zh/l, ee/i …); the guardian's too, without a tag
    house_spelling: float = 0.08  # also of a place that is typed
    typing: float = 0.012  # a letter of the name missing, doubled, swapped or hit beside
    house_typing: float = 0.015
    joined: float = 0.2  # of names of two words: joined where the person writes them apart, or the reverse
    initials: float = 0.18  # before, after, dotted, expanded: not as the person writes them
    initials_missing: float = 0.05
    guardian_missing: float = 0.07
    guardian_other: float = 0.08  # of married women: the father is named where others name the husband
    before_marriage: float = 0.03  # of married women: still with the parents' house, place and initials
    house_missing: float = 0.02
    moved: float = 0.035  # another ward; half of those who move keep their house's name, as families do
    gender_wrong: float = 0.003
    born_swapped: float = 0.005  # day and month
    born_mistyped: float = 0.008  # one digit
    mobile_other: float = 0.035  # an older or second number of one's own
    mobile_recycled: float = 0.01  # a number that somebody else has by now
    old_chillu: float = 0.4  # of names in Malayalam: consonant, virama and ZWJ instead of one character
    joiners: float = 0.08  # of names in Malayalam: ZWNJ and ZWJ that nobody sees


@dataclass(frozen=True)
class Office:
    """How one register's offices write, beside Errors. Shares of records."""

    mobile_missing: float
    born_missing: float = 0.0
    malayalam: float = 0.0  # name, guardian and house in Malayalam's letters
    elsewhere: float = 0.0  # the place of a building, business or field that lies not where the person lives
    email: float = 0.0
    capitals: bool = False
    typed_places: bool = False  # a place is typed by somebody, not chosen from a list


OFFICES = {
    "spark": Office(mobile_missing=0.04, email=0.7, typed_places=True),
    "prism": Office(mobile_missing=0.1, email=0.25, capitals=True, typed_places=True),
    "ksmart-business": Office(mobile_missing=0.08, born_missing=0.4, malayalam=0.06, elsewhere=0.12, email=0.45),
    "ksmart-property": Office(mobile_missing=0.12, born_missing=0.35, malayalam=0.1, elsewhere=0.06, email=0.12),
    "relis": Office(mobile_missing=0.16, malayalam=0.45, elsewhere=0.1),
}
