"""What is compared, and how alike two records must be: Splink's comparisons over sealed features. Pure.

Every level is SQL over keyed tokens and Bloom filters (ingest/features); no value is needed and none is
seen. A filter's Dice coefficient is 2 x common bits / all bits; `bit_count` gives eight bits, hence the casts.

What a pair shows is weighed twice (link/model.py): against two strangers, and against two relatives, who share
a house, a place, a phone and often a guardian.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ABSENT, SAME, ELSE = "absent", "same", "else"


@dataclass(frozen=True)
class Level:
    """One answer of a comparison. `frequency` names the token whose rarity refines a SAME.

    `asks_name`: it is the next level with the same name besides. What the name says is counted by its own comparison,
    so the two levels have one m and one r (link/train.py); only u, chance, is each one's own.
    """

    label: str
    condition: str
    frequency: str | None = None
    asks_name: bool = False


@dataclass(frozen=True)
class Comparison:
    """Levels from the strictest to ELSE; the first that applies counts. ABSENT says nothing either way."""

    name: str
    levels: tuple[Level, ...]

    @property
    def told(self) -> tuple[Level, ...]:
        """The levels that say something."""
        return tuple(level for level in self.levels if level.label != ABSENT)

    def choose(self, answers: Mapping[str, str]) -> str:
        """SQL that gives the answer of the level that applies; null where none is given, as for ABSENT."""
        cases = " ".join(f"when {_sql(level)} then {answers.get(level.label, 'null')}" for level in self.levels)
        return f"case {cases} end"


def _sql(level: Level) -> str:
    return "true" if level.label == ELSE else level.condition


def dice(role: str) -> str:
    """The Dice coefficient of a role's filters, as SQL over both sides of a pair."""
    common = " + ".join(f"cast(bit_count({role}_{word}_l & {role}_{word}_r) as integer)" for word in range(4))
    return f"2.0 * ({common}) / ({role}_bits_l + {role}_bits_r)"


def _absent(column: str) -> Level:
    return Level(ABSENT, f"{column}_l is null or {column}_r is null")


def _text(role: str, cuts: Sequence[float]) -> Comparison:
    """The same canonical form, or one as alike as each of `cuts`."""
    alike = (Level(f"dice {cut}", f"{dice(role)} >= {cut}") for cut in cuts)
    same = Level(SAME, f"{role}_token_l = {role}_token_r", frequency=f"{role}_token")
    return Comparison(role, (_absent(f"{role}_token"), same, *alike, Level(ELSE, "ELSE")))


def _token(role: str, *, rarity: bool = True) -> Comparison:
    column = f"{role}_token"
    same = Level(SAME, f"{column}_l = {column}_r", frequency=column if rarity else None)
    return Comparison(role, (_absent(column), same, Level(ELSE, "ELSE")))


_BORN = Comparison(
    "born",
    (
        _absent("born_token"),
        Level(SAME, "born_token_l = born_token_r"),
        Level("day and month swapped", "born_year_l = born_year_r and born_day_month_l = born_day_month_r"),
        Level("day and month", "born_day_month_l = born_day_month_r"),
        Level("year", "born_year_l = born_year_r"),
        Level(ELSE, "ELSE"),
    ),
)
_NAME = Comparison(
    "name",
    (
        _absent("name_token"),
        Level(SAME, "name_token_l = name_token_r", frequency="name_token"),
        Level("same sound", "name_sound_l = name_sound_r"),
        Level("same first part", "name_first_l = name_first_r"),  # by its sound: Sreeja, and Sreeja Anil
        Level("dice 0.85", f"{dice('name')} >= 0.85"),
        Level("dice 0.7", f"{dice('name')} >= 0.7"),
        Level("dice 0.5", f"{dice('name')} >= 0.5"),
        Level(ELSE, "ELSE"),
    ),
)
NAMES_MEET = "(name_token_l = name_token_r or name_sound_l = name_sound_r or name_first_l = name_first_r)"
_INITIALS = Comparison(
    "initials",
    (
        _absent("name_initials"),
        Level(SAME, "name_initials_l = name_initials_r"),
        Level("one has more", "name_initials_l & name_initials_r in (name_initials_l, name_initials_r)"),
        Level(ELSE, "ELSE"),
    ),
)

# House and place are one comparison: who moves leaves both, so that another house in the same place is a neighbour's.
_NO_HOUSE = "(house_token_l is null or house_token_r is null)"
_NO_PLACE = "(locality_token_l is null or locality_token_r is null)"
_SAME_PLACE = "locality_token_l = locality_token_r"
_SAME_HOUSE = "house_token_l = house_token_r"
_ALIKE_HOUSE = f"{dice('house')} >= 0.8"
_ADDRESS = Comparison(
    "address",
    (
        Level(ABSENT, f"{_NO_HOUSE} and {_NO_PLACE}"),
        Level(SAME, f"{_SAME_HOUSE} and {_SAME_PLACE}", frequency="house_token"),
        Level("same house elsewhere", _SAME_HOUSE, frequency="house_token"),
        Level("alike house, same place", f"{_ALIKE_HOUSE} and {_SAME_PLACE}"),
        Level("alike house elsewhere", _ALIKE_HOUSE),
        Level("no house, same place", f"{_NO_HOUSE} and {_SAME_PLACE}"),
        Level("no house, elsewhere", _NO_HOUSE),
        Level("another house, same place", _SAME_PLACE),
        Level(ELSE, "ELSE"),
    ),
)

_DISTRICT = Comparison(
    "district",
    (
        Level(ABSENT, f"district_token_l is null or district_token_r is null or ({_SAME_PLACE})"),  # the place said it
        Level(SAME, "district_token_l = district_token_r"),
        Level(ELSE, "ELSE"),
    ),
)

# A phone that two records share is a family's. Where they share the name, too, no stranger comes by it: the rarity of a
# number, which says how many share it, would say too little against what a marriage or a move changes at once.
_MOBILE = Comparison(
    "mobile",
    (
        _absent("mobile_token"),
        Level(
            "same, under the same name",
            "mobile_token_l = mobile_token_r and name_token_l = name_token_r",
            asks_name=True,
        ),
        Level(SAME, "mobile_token_l = mobile_token_r", frequency="mobile_token"),
        Level(ELSE, "ELSE"),
    ),
)

COMPARISONS: tuple[Comparison, ...] = (
    _NAME,
    _INITIALS,
    _BORN,
    _token("gender", rarity=False),
    _token("identifier"),
    _token("email"),
    _text("guardian", (0.85, 0.65)),
    _ADDRESS,
    _DISTRICT,
    _MOBILE,
)

# Something of one's own, or of one's house. A name, a guardian and a place alone are what namesakes of one ward share.
_OWN = ("mobile_token", "email_token", "identifier_token", "born_token", "house_token")
ANCHORED = " or ".join(
    [*(f"coalesce({column}_l = {column}_r, false)" for column in _OWN), f"coalesce({_ALIKE_HOUSE}, false)"]
)

# --- which pairs are compared at all ------------------------------------------------------------------

# A pair is a candidate when all columns of one rule are the same on both sides and present.
BLOCKING_RULES: tuple[tuple[str, ...], ...] = (
    ("mobile_token",),
    ("email_token",),
    ("identifier_token",),
    ("born_token", "name_head"),
    ("born_token", "guardian_sound"),
    ("born_token", "locality_sound"),
    ("born_day_month", "name_sound"),
    ("name_sound", "guardian_sound"),
    ("name_sound", "name_initials", "locality_sound"),
    ("name_head", "house_sound"),
    ("name_head", "guardian_sound", "district_token"),
    ("guardian_sound", "house_sound"),
    ("house_sound", "locality_sound"),
)
# One record of a pair is enough for a register that holds a person once; the pair the other way is the same.
DISTINCT = "not (l.once and r.once and l.register = r.register)"


def blocking_rule(columns: Sequence[str]) -> str:
    """A rule as SQL over `l` and `r`."""
    return " and ".join([*(f"l.{column} = r.{column}" for column in columns), DISTINCT])
