"""How offices write people down: correctly, otherwise, or wrongly. Rates are those of rates.Errors and Office.

Every record of a register's chunk is a row of `people` (one person may come more than once, as another
`copy`). The result is the text of the columns that registers share, and the tags of what happened.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ariyippu.demo.kerala import names
from ariyippu.demo.kerala.draw import Draws, digits, remainder, scrambled
from ariyippu.demo.kerala.names import MALAYALAM, SPELLINGS
from ariyippu.demo.kerala.people import APART_SHARE
from ariyippu.demo.kerala.places import Places, bodies
from ariyippu.demo.kerala.rates import Errors, Office
from ariyippu.ingest.contract import Contract

# The ways of writing initials; where a form has no second initial, it stands alone.
AFTER, BEFORE, DOTTED_AFTER, DOTTED_BEFORE, WITH_HOUSE, WITH_GUARDIAN, ONE_INITIAL, NO_INITIAL = range(8)
OTHER_LAYOUTS = pa.array([AFTER] * 8 + [BEFORE] * 4 + [DOTTED_AFTER] * 4 + [DOTTED_BEFORE, WITH_HOUSE, ONE_INITIAL])
CHILLUS = {"ൺ": "ണ", "ൻ": "ന", "ർ": "ര", "ൽ": "ല", "ൾ": "ള"}
VIRAMA, ZWNJ, ZWJ = "\u0d4d", "\u200c", "\u200d"
SECOND_ELSEWHERE = 0.25  # of second and third buildings and fields lie in another place
GUARDIANS_INITIAL = 0.2  # of guardians come with one
MONTHS = 12
SWAPS_TRIED = 365 / (MONTHS * (MONTHS - 1))  # day and month swapped are another date on 132 days of a year
TYPING_LETTERS = "aeioulnrstkmhpd"
NO_TEXT = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class Register:
    """Who writes, in which places, and how often what goes wrong. `people`: how many there are in all."""

    contract: Contract
    office: Office
    errors: Errors
    places: Places
    people: int


@dataclass(frozen=True)
class Written:
    """A record for each row: shared columns as text (null: empty), the ward's number, tags in one text."""

    columns: dict[str, pa.Array]
    ward: pa.Array
    tags: pa.Array


class Desk:
    """One register's writing of one chunk. Each method notes in `happened` what it did to which rows."""

    def __init__(self, people: pa.RecordBatch, register: Register, draws: Draws) -> None:
        self.people, self.register, self.draws = people, register, draws
        self.errors = register.errors
        self.happened: dict[str, pa.Array] = {}
        self.malayalam = self._note("malayalam", draws.happens("malayalam", register.office.malayalam))
        married = pc.is_valid(people["husband"])
        self.before = self._note(
            "before_marriage", pc.and_(married, draws.happens("before marriage", self.errors.before_marriage))
        )
        other = pc.and_(married, draws.happens("guardian other", self.errors.guardian_other))
        self._note("guardian_other", pc.and_not(other, self.before))
        self._note("died", people["died"])

    def write(self) -> Written:
        people, places = self.people, self.register.places
        house, home = self._home()
        second = pc.and_(pc.greater(people["copy"], 0), self.draws.happens("second elsewhere", SECOND_ELSEWHERE))
        elsewhere = pc.or_(second, self.draws.happens("elsewhere", self.register.office.elsewhere))
        ward = pc.if_else(elsewhere, places.near(home, self.draws, "elsewhere"), home)
        self._note("elsewhere", pc.not_equal(ward, home))
        columns = {
            "name": self._name(),
            "guardian": self._guardian(),
            "house": self._house(house),
            "gender": self._gender(),
            "born": self._born(),
            "locality": self._locality(ward),
            "mobile": self._mobile(),
            "email": self._email(),
        }
        return Written(columns, ward, self._tags())

    def _note(self, tag: str, rows: pa.Array) -> pa.Array:
        self.happened[tag] = rows
        return rows

    def _happens(self, tag: str, chance: float) -> pa.Array:
        return self._note(tag, self.draws.happens(tag, chance))

    def _tags(self) -> pa.Array:
        """Names of what happened, with a space between, in the order in which it was noted."""
        said = [pc.if_else(rows, f"{tag.replace('_', '-')} ", "") for tag, rows in self.happened.items()]
        return pc.utf8_rtrim_whitespace(pc.binary_join_element_wise(*said, ""))

    # --- names and houses ---

    def _home(self) -> tuple[pa.Array, pa.Array]:
        """The house and ward where the record says that the person lives: today, before the marriage, or a move."""
        people, draws = self.people, self.draws
        house, ward = (pc.if_else(self.before, people[f"birth_{what}"], people[what]) for what in ("house", "ward"))
        moved = self._happens("moved", self.errors.moved)
        renamed = pc.and_(moved, draws.happens("another house's name", 0.5))
        house = pc.if_else(renamed, draws.below("moved house", names.load().houses), house)
        return house, pc.if_else(moved, self.register.places.near(ward, draws, "moved"), ward)

    def _spelling(self, whose: str, chance: float) -> pa.Array:
        """0, or now and then another one."""
        other = pc.add(self.draws.below(f"spelling of {whose}", SPELLINGS - 1), 1)
        return pc.if_else(self.draws.happens(f"{whose} spelt", chance), other, 0)

    def _form(self, second: pa.Array, spelling: pa.Array | int = 0) -> pa.Array:
        """The form of a word (see names.py); `second`: apart, or joined to what stands before it."""
        script = pc.multiply(self.malayalam.cast(pa.int64()), MALAYALAM)
        return pc.add(pc.add(script, pc.multiply(second.cast(pa.int64()), SPELLINGS)), spelling)

    def _name(self) -> pa.Array:
        text, number, habit = names.load().given_text, self.people["given"], self.people["apart"]
        apart = pc.xor(habit, self.draws.happens("joined", self.errors.joined))
        given = text(number, self._form(apart, self._spelling("name", self.errors.spelling)))
        usual = text(number, self._form(apart))
        self._note("spelling", pc.not_equal(given, usual))
        self._note("joined", pc.not_equal(usual, text(number, self._form(habit))))
        before, after = self._around(self._layout())
        name = pc.binary_join_element_wise(before, given, after, " ", null_handling="skip")
        return self._cased(self._encoded(self._typed("typing", name, self.errors.typing)))

    def _layout(self) -> pa.Array:
        """How the initials stand in this record."""
        habit = self.people["habit"]
        other = self.draws.turned("other initials", OTHER_LAYOUTS)
        none = self.draws.happens("initials missing", self.errors.initials_missing)
        layout = pc.if_else(self.draws.happens("initials", self.errors.initials), other, habit)
        layout = pc.if_else(none, NO_INITIAL, layout)
        differs = pc.not_equal(layout, habit)
        self._note("initials", pc.and_not(differs, none))
        self._note("initials_missing", pc.and_(differs, none))
        return layout

    def _around(self, layout: pa.Array) -> tuple[pa.Array, pa.Array]:
        """What stands before and after the given name."""
        known, people, script = names.load(), self.people, self.malayalam.cast(pa.int64())
        as_wife = pc.and_not(people["husbands_name"], self.before)
        elder = pc.if_else(as_wife, people["husband"], people["father"])
        house = pc.if_else(as_wife, people["house"], people["birth_house"])
        first = known.initial_text(known.house_letter.take(house), script)
        second = known.initial_text(known.given_letter.take(elder), script)
        first_or_none = pc.if_else(as_wife, NO_TEXT, first)
        spaced = pc.binary_join_element_wise(first_or_none, second, " ", null_handling="skip")
        dotted = pc.binary_join_element_wise(first_or_none, second, "", ".", null_handling="skip")
        house_word = known.house_text(house, pc.multiply(script, MALAYALAM))
        elder_word = known.given_text(elder, pc.multiply(script, MALAYALAM))
        none = pa.nulls(len(layout), pa.string())
        before = pc.choose(layout, none, spaced, none, dotted, none, none, none, none)
        after = pc.choose(layout, spaced, none, dotted, none, house_word, elder_word, second, none)
        return before, after

    def _guardian(self) -> pa.Array:
        people = self.people
        fathers = pc.or_(self.before, self.happened["guardian_other"])
        whose = pc.coalesce(pc.if_else(fathers, pa.scalar(None, pa.int64()), people["husband"]), people["father"])
        apart = self.draws.happens("guardian apart", APART_SHARE)
        form = self._form(apart, self._spelling("guardian", self.errors.spelling))
        letter = names.load().house_letter.take(pc.if_else(fathers, people["birth_house"], people["house"]))
        initial = names.load().initial_text(letter, self.malayalam.cast(pa.int64()))
        initial = pc.if_else(self.draws.happens("guardian's initial", GUARDIANS_INITIAL), initial, NO_TEXT)
        text = pc.binary_join_element_wise(names.load().given_text(whose, form), initial, " ", null_handling="skip")
        missing = self._happens("guardian_missing", self.errors.guardian_missing)
        return pc.if_else(missing, NO_TEXT, self._cased(self._encoded(text)))

    def _house(self, house: pa.Array) -> pa.Array:
        """Kizhakkeparambil or Kizhakke Parambil."""
        known, script = names.load(), self.malayalam.cast(pa.int64())
        which = remainder(house, known.qualifiers)
        qualifier = known.qualifier.take(pc.add(pc.multiply(which, 2), script))
        joined = pc.and_(pc.is_valid(qualifier), self.draws.happens("house joined", 0.5))
        text = known.house_text(house, self._form(joined, self._spelling("house", self.errors.house_spelling)))
        self._note("house_spelling", pc.not_equal(text, known.house_text(house, self._form(joined))))
        apart = pc.binary_join_element_wise(qualifier, text, " ", null_handling="skip")
        whole = pc.if_else(joined, pc.binary_join_element_wise(qualifier, text, ""), apart)
        missing = self._happens("house_missing", self.errors.house_missing)
        whole = self._cased(self._encoded(self._typed("house_typing", whole, self.errors.house_typing)))
        return pc.if_else(missing, NO_TEXT, whole)

    def _cased(self, text: pa.Array) -> pa.Array:
        return pc.utf8_upper(text) if self.register.office.capitals else text

    def _encoded(self, text: pa.Array) -> pa.Array:
        """Malayalam as keyboards write it: chillu letters of before Unicode 5.1, joiners that nobody sees."""
        old = pc.and_(self.malayalam, self.draws.happens("old chillu", self.errors.old_chillu))
        for chillu, consonant in CHILLUS.items():
            text = pc.if_else(old, pc.replace_substring(text, chillu, consonant + VIRAMA + ZWJ), text)
        joiners = pc.and_(self.malayalam, self.draws.happens("joiners", self.errors.joiners))
        loose = pc.replace_substring_regex(text, f"([ഷസജത]{VIRAMA})([ക-ഹ])", rf"\1{ZWNJ}\2")
        self._note("old_chillu", old)
        self._note("joiners", joiners)
        return pc.if_else(joiners, loose, text)

    def _typed(self, tag: str, text: pa.Array, chance: float) -> pa.Array:
        typed = self._rewritten(self.draws.happens(tag, chance), text, tag, _mistyped)
        self._note(tag, pc.not_equal(typed, text))
        return typed

    def _rewritten(self, rows: pa.Array, text: pa.Array, question: str, rewrite: Callable[[str, int], str]) -> pa.Array:
        """The text of these rows by `rewrite(text, 32 bits of chance)`."""
        bits = self.draws.bits(f"{question} how").filter(rows).to_pylist()
        pairs: Iterable[tuple[str | None, int]] = zip(text.filter(rows).to_pylist(), bits, strict=True)
        done = pa.array([old and rewrite(old, chance) for old, chance in pairs], pa.string())
        return pc.replace_with_mask(text, rows, done)

    # --- the rest ---

    def _gender(self) -> pa.Array:
        wrong = self._happens("gender_wrong", self.errors.gender_wrong)
        return pc.if_else(pc.xor(self.people["female"], wrong), "FEMALE", "MALE")

    def _born(self) -> pa.Array:
        text = _date_text(self.people["born"])
        missing = self._note("born_missing", self.draws.happens("born missing", self.register.office.born_missing))
        swapped = self.draws.happens("born swapped", self.errors.born_swapped * SWAPS_TRIED)
        other = self._rewritten(swapped, text, "born swapped", _swapped)
        swapped = self._note("born_swapped", pc.and_not(pc.not_equal(other, text), missing))
        mistyped = self.draws.happens("born mistyped", self.errors.born_mistyped)
        mistyped = self._note("born_mistyped", pc.and_not(pc.and_not(mistyped, missing), swapped))
        return pc.if_else(missing, NO_TEXT, self._rewritten(mistyped, other, "born mistyped", _mistyped_date))

    def _locality(self, ward: pa.Array) -> pa.Array:
        """The name of the local body; typed by somebody or chosen from a list."""
        spelling = self._spelling("place", self.errors.house_spelling if self.register.office.typed_places else 0)
        body = self.register.places.body.take(ward)
        return self._cased(bodies().name.take(pc.add(pc.multiply(body, SPELLINGS), spelling)))

    def _mobile(self) -> pa.Array:
        missing = self._note("mobile_missing", self.draws.happens("no mobile", self.register.office.mobile_missing))
        recycled = self.draws.happens("recycled", self.errors.mobile_recycled)
        other = self.draws.happens("other mobile", self.errors.mobile_other)
        recycled = self._note("mobile_recycled", pc.and_not(recycled, missing))
        other = self._note("mobile_other", pc.and_not(pc.and_not(other, missing), recycled))
        somebody = self.draws.below("whose number by now", self.register.people)
        whose = pc.if_else(recycled, somebody, self.people["mobile_of"])
        own = pc.equal(whose, self.people["mobile_of"])
        self._note("mobile_shared", pc.and_not(pc.and_(self.people["mobile_shared"], own), pc.or_(missing, other)))
        return pc.if_else(missing, NO_TEXT, mobile_text(whose, other, self.draws))

    def _email(self) -> pa.Array:
        mail = names.load().mail.take(self.people["given"])
        host = pc.if_else(self.people["apart"], "mail.example", "Post.example")  # their own, in every register
        number = self.people["number"].cast(pa.string())
        address = pc.binary_join_element_wise(pc.binary_join_element_wise(mail, number, "."), host, "@")
        return pc.if_else(self.draws.happens("e-mail", self.register.office.email), address, NO_TEXT)


def mobile_text(whose: pa.Array, other: pa.Array, draws: Draws) -> pa.Array:
    """The first or the other number of a person, in one of the ways in which people write numbers. None can ring."""
    line = pc.add(pc.multiply(whose, 2), other.cast(pa.int64()))
    number = pc.binary_join_element_wise("0", digits(scrambled(line), 9), "")
    first, last = pc.utf8_slice_codeunits(number, 0, 5), pc.utf8_slice_codeunits(number, 5, 10)
    halves = {between: pc.binary_join_element_wise(first, last, between) for between in " -"}
    ways = (
        number,
        number,
        pc.binary_join_element_wise("+91", number, ""),
        pc.binary_join_element_wise("+91", halves[" "], " "),
        pc.binary_join_element_wise("91", number, ""),
        halves["-"],
    )
    return pc.choose(draws.below("way of writing a number", len(ways)), *ways)


def _date_text(days: pa.Array) -> pa.Array:
    date = days.cast(pa.int32()).cast(pa.date32())
    parts = (digits(pc.day(date), 2), digits(pc.month(date), 2), digits(pc.year(date), 4))
    return pc.binary_join_element_wise(*parts, "/")


def _swapped(date: str, _chance: int) -> str:
    day, month, year = date.split("/")
    return f"{month}/{day}/{year}" if int(day) <= MONTHS else date


def _mistyped_date(date: str, chance: int) -> str:
    """Another day of the month, or another last digit of the year."""
    day, month, year = date.split("/")
    if chance % 2 or month == "02":  # another year may have no 29 February
        return f"{1 + (int(day) + chance // 2 % 27) % 28:02}/{month}/{year}"
    return f"{day}/{month}/{year[:3]}{(int(year[3]) + 1 + chance // 2 % 9) % 10}"


def _mistyped(text: str, chance: int) -> str:
    """One letter missing, doubled, swapped with the next, or another one; never the first."""
    how, at = chance % 4, 1 + chance // 4 % max(1, len(text) - 2)
    letter, following = text[at : at + 1], text[at + 1 : at + 2]
    if len(text) < 4 or not letter.isalpha() or not following.isalpha():
        return text
    replaced = {
        0: following,
        1: letter + letter + following,
        2: following + letter,
        3: TYPING_LETTERS[chance // 4 % len(TYPING_LETTERS)] + following if letter.isascii() else following,
    }
    return text[:at] + replaced[how] + text[at + 2 :]
