"""What may be told of a count: one pass over a snapshot says what plain Python says, and no run of questions
finds out about one person."""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.text import rounded
from ariyippu.ingest.snapshot import manifest
from ariyippu.notice import canonical, cohort, criteria
from ariyippu.notice.cohort import SMALLEST, Cohort
from ariyippu.notice.criteria import All, AnyOf, Between, Compare, In, Node, Not, Row
from ariyippu.notice.orders import parse_criteria
from tests.refusals import refused
from tests.world import Person, World, build

# --- one pass over a snapshot --------------------------------------------------------------------------

DESIGNATIONS = ("Clerk", "Typist", "District Judge")
DISTRICTS = ("KOLLAM", "IDUKKI", "WAYANAD")


def persons() -> list[Person]:
    draw = random.Random(7)  # noqa: S311  a population, not a secret
    judges = [Person(n, designation="District Judge", cadre="JUDICIAL", basic="90000.00") for n in range(1, 15)]
    others = [
        Person(
            n,
            designation=draw.choice(DESIGNATIONS[:2]),
            district=draw.choice(DISTRICTS),
            arrears=draw.choice(("0.00", "120.00", "900.00")),
        )
        for n in range(15, 180)
    ]
    return judges + others


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, persons())


def rows() -> list[tuple[Row, bool]]:
    """The people as the snapshot's attributes, and whether each is protected."""
    return [
        (
            {
                "designation": person.designation,
                "district": person.district,
                "basic_pay": int(person.basic.replace(".", "")),
                "arrears": int(person.arrears.replace(".", "")),
            },
            person.cadre == "JUDICIAL",
        )
        for person in persons()
    ]


def reference(where: Node, told: Sequence[Node], people: Sequence[tuple[Row, bool]]) -> Cohort:
    """What `cohort.measure` says, in plain Python."""
    parts = list(dict.fromkeys(cohort.parts_of(where)))
    kinds: dict[tuple[bool, ...], list[int]] = {}
    for row, protected in people:
        bits = tuple(criteria.holds(node, row) for node in (where, *told))
        counts = kinds.setdefault(bits, [0] * (2 + 2 * len(parts)))
        for at, holds in enumerate((True, *(criteria.holds(part, row) for part in parts))):
            counts[2 * at] += holds
            counts[2 * at + 1] += holds and protected
    rows = [(*bits, *counts) for bits, counts in kinds.items()]
    return cohort.gathered(parts, 1 + len(told), sorted(rows, key=lambda row: -row[1 + len(told)]))


def size(found: Cohort, kinds: int) -> int:
    return sum(count for place, count in enumerate(found.kinds) if kinds >> place & 1)


ARREARS = Compare("arrears", ">", 0)
MANY = (
    ARREARS,
    Not(ARREARS),
    All((ARREARS, In("district", ("KOLLAM", "IDUKKI")))),
    AnyOf((Compare("designation", "==", "Clerk"), All((ARREARS, Not(Compare("district", "==", "WAYANAD")))))),
    All((Compare("designation", "!=", "Typist"), Between("arrears", 1, 20_000))),
    AnyOf((ARREARS, Compare("designation", "==", "District Judge"))),
)


def test_one_pass_says_what_plain_python_says(world: World) -> None:
    for where in MANY:
        others = [other for other in MANY if other != where]
        found = cohort.measure(where, others, world.snapshot, home=world.home, keyring=world.vault.keyring)
        expected = reference(where, others, rows())
        assert (found.everyone, found.parts) == (expected.everyone, expected.parts)
        assert found.whole == found.parts[where]
        assert sorted(found.kinds, reverse=True) == list(found.kinds)
        assert [size(found, other) for other in found.told] == [size(expected, other) for other in expected.told]
        assert [size(found, found.fits ^ other) for other in found.told] == [
            size(expected, expected.fits ^ other) for other in expected.told
        ]


@pytest.mark.parametrize(
    "document",
    [
        {"field": "cadre", "op": "==", "value": "JUDICIAL"},
        {"not": {"field": "cadre", "in": ["STATE", "SUBORDINATE"]}},
        {"any": [{"field": "arrears", "exists": True}, {"field": "cadre", "exists": True}]},
    ],
)
def test_the_column_that_marks_the_protected_is_nobody_s_to_ask_for(world: World, document: dict[str, object]) -> None:
    with refused("criteria.protected_class"):
        parse_criteria(document, manifest(world.home, world.snapshot))


@pytest.mark.parametrize(
    "where",
    [
        Compare("designation", "==", "District Judge"),
        Compare("designation", "!=", "District Judge"),
        Not(In("designation", ("District Judge",))),
        Compare("basic_pay", ">", 8_000_000),
        AnyOf((ARREARS, Compare("basic_pay", ">", 8_000_000))),
    ],
)
def test_another_column_that_singles_them_out_is_refused(where: Node) -> None:
    with refused("criteria.protected_class"):
        reference(where, (), rows()).refuse_protected(at_least=1)


def test_a_group_with_some_protected_people_in_it_is_no_class() -> None:
    for where in (ARREARS, Compare("district", "==", "KOLLAM"), In("designation", ("District Judge", "Clerk"))):
        reference(where, (), rows()).refuse_protected(at_least=1)


def test_what_is_said_of_protection_tells_nothing_about_a_few() -> None:
    """A question about one judge is withheld as one about one clerk is: not refused for what he is."""
    few = [(row, protected) for row, protected in rows() if not protected]
    one: Row = {"arrears": 7, "designation": "x", "district": "KOLLAM", "basic_pay": 1}
    for is_protected in (True, False):
        people = [*few, (one, is_protected)]
        found = reference(AnyOf((ARREARS, Compare("arrears", "==", 7))), (), people)
        found.refuse_protected(at_least=SMALLEST)
        assert found.withheld() == "narrow"


# --- many questions about one person -------------------------------------------------------------------

# 400 people with four plain attributes that together name each one, and a secret that an attacker wants.
KINDS = {"section": 4, "grade": 5}
SECRET = Compare("arrears", ">", 0)


class Asked:
    """The vault's rule over a population in memory, for one office; `said` is its transcript."""

    def __init__(self, people: Sequence[Row]) -> None:
        self.people = [(row, False) for row in people]
        self.earlier: dict[str, Node] = {}
        self.said: list[int | str] = []

    def __call__(self, where: Node) -> int | None:
        others = [node for digest, node in self.earlier.items() if digest != canonical.digest(where)]
        found = reference(where, others, self.people)
        withheld = found.withheld()
        count = rounded(found.whole.records)
        if not withheld:
            self.earlier[canonical.digest(where)] = where
        self.said.append(withheld or count)
        return None if withheld else count


def population(seed: int, *, secret: bool) -> tuple[list[Row], Row]:
    """The people, and the one whom the attacker is after: the same but for the one secret."""
    draw = random.Random(seed)  # noqa: S311
    people = []
    for number in range(400):
        row: dict[str, int] = {kind: draw.randrange(count) for kind, count in KINDS.items()}
        people.append({**row, "born": number, "arrears": draw.choice((0, 0, 500))})
    target = people[draw.randrange(150, 250)]
    target["arrears"] = 500 if secret else 0
    return list(people), target


def named(target: Row) -> Node:
    """A description that fits the target alone, of parts that each fit many."""
    born = target["born"]
    assert isinstance(born, int)
    return All((Between("born", born - 40, born), Between("born", born, born + 40)))


def but(target: Row) -> Node:
    """The negation of `named`, written without a part that fits few."""
    born = target["born"]
    assert isinstance(born, int)
    return AnyOf((Compare("born", "<", born), Compare("born", ">", born)))


def younger(target: Row) -> Node:
    """Who has the secret and was born before the target."""
    born = target["born"]
    assert isinstance(born, int)
    return All((SECRET, Compare("born", "<", born)))


def older(target: Row) -> Node:
    born = target["born"]
    assert isinstance(born, int)
    return All((SECRET, Compare("born", ">", born)))


def in_section(target: Row) -> Node:
    return Compare("section", "==", target["section"] or 0)


Strategy = Callable[[Asked, Row], "int | None"]


def subtract(*answers: int | None) -> int | None:
    """The first less the others; None where one was withheld."""
    known = [answer for answer in answers if answer is not None]
    return None if len(known) < len(answers) else known[0] - sum(known[1:])


def differencing(ask: Asked, target: Row) -> int | None:
    return subtract(ask(SECRET), ask(All((SECRET, but(target)))))


def differencing_in_wide_parts(ask: Asked, target: Row) -> int | None:
    return subtract(ask(SECRET), ask(AnyOf((younger(target), older(target)))))


def differencing_backwards(ask: Asked, target: Row) -> int | None:
    without = ask(AnyOf((younger(target), older(target))))
    return subtract(ask(SECRET), without)


def threshold(ask: Asked, target: Row) -> int | None:
    """Everybody up to the target, less everybody before."""
    born = target["born"]
    assert isinstance(born, int)
    return subtract(ask(All((SECRET, Compare("born", "<=", born)))), ask(younger(target)))


def complement(ask: Asked, target: Row) -> int | None:
    return subtract(ask(Not(AnyOf((Not(SECRET), named(target))))), ask(SECRET))


def complement_in_wide_parts(ask: Asked, target: Row) -> int | None:
    """Those without the secret, and those who have it, but for the target."""
    without = ask(Not(AnyOf((younger(target), older(target)))))
    return subtract(without, ask(Not(SECRET)))


def union(ask: Asked, target: Row) -> int | None:
    others = All((SECRET, Not(in_section(target))))
    return subtract(ask(AnyOf((others, All((SECRET, named(target)))))), ask(others))


def tiny_slice(ask: Asked, target: Row) -> int | None:
    return ask(All((SECRET, named(target))))


def chain_of_three(ask: Asked, target: Row) -> int | None:
    """Everybody less the younger less the older: each two of them differ by many."""
    return subtract(ask(SECRET), ask(younger(target)), ask(older(target)))


def chain_of_three_last_the_whole(ask: Asked, target: Row) -> int | None:
    young, old = ask(younger(target)), ask(older(target))
    return subtract(ask(SECRET), young, old)


def chain_within_a_section(ask: Asked, target: Row) -> int | None:
    mine = in_section(target)
    parts = (ask(All((mine, younger(target)))), ask(All((mine, older(target)))))
    return subtract(ask(All((mine, SECRET))), *parts)


def by_the_silence(ask: Asked, target: Row) -> int | None:
    """Whether a question is withheld is an answer, too."""
    ask(SECRET)
    return 1 if ask(AnyOf((younger(target), older(target)))) is None else -1


def by_the_silence_of_three(ask: Asked, target: Row) -> int | None:
    ask(SECRET)
    ask(younger(target))
    return 1 if ask(older(target)) is None else -1


def chain_of_four(ask: Asked, target: Row) -> int | None:
    """What is not closed, but drowned in the rounding of four answers."""
    young = younger(target)
    low, high = All((young, Compare("grade", "<", 2))), All((young, Compare("grade", ">=", 2)))
    return subtract(ask(SECRET), ask(low), ask(high), ask(older(target)))


CLOSED: tuple[Strategy, ...] = (
    differencing,
    differencing_in_wide_parts,
    differencing_backwards,
    threshold,
    complement,
    complement_in_wide_parts,
    union,
    tiny_slice,
    chain_of_three,
    chain_of_three_last_the_whole,
    chain_within_a_section,
    by_the_silence,
    by_the_silence_of_three,
)
TRIALS = 25


@pytest.mark.parametrize("strategy", CLOSED)
def test_what_is_told_and_what_is_withheld_says_nothing_about_one_person(strategy: Strategy) -> None:
    """Of each pair of worlds that differ in one person's secret alone, the attacker sees the same, but where a
    count stands at the edge of a ten; and nowhere is there anything left to subtract."""
    for seed in range(TRIALS):
        transcripts = []
        for secret in (True, False):
            people, target = population(seed, secret=secret)
            asked = Asked(people)
            estimate = strategy(asked, target)
            assert estimate is None or strategy.__name__.startswith(("by_the_silence", "tiny"))
            transcripts.append([answer if isinstance(answer, str) else bool(answer) for answer in asked.said])
        assert transcripts[0] == transcripts[1]


def test_a_chain_of_four_is_drowned_in_rounding() -> None:
    """Half of the targets have the secret. Whoever guesses by what the answers leave over is right by chance."""
    right = 0.0
    for seed in range(4 * TRIALS):
        people, target = population(seed // 2, secret=bool(seed % 2))
        estimate = chain_of_four(Asked(people), target)
        right += 0.5 if not estimate else (estimate > 0) == bool(seed % 2)
    assert 0.35 < right / (4 * TRIALS) < 0.65


def test_an_unguarded_vault_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attacks are real: with exact answers each of them is right about everybody."""
    monkeypatch.setattr(Cohort, "withheld", lambda _self: "")
    monkeypatch.setitem(globals(), "rounded", lambda n: n)
    for strategy in {*CLOSED, chain_of_four} - {by_the_silence, by_the_silence_of_three}:
        for seed in range(6):
            people, target = population(seed, secret=bool(seed % 2))
            assert bool(strategy(Asked(people), target)) == bool(seed % 2), strategy.__name__


# --- one form ------------------------------------------------------------------------------------------

TYPES = {"designation": "text", "increments": "integer", "retires_on": "date"}
leaves = st.one_of(
    st.builds(Compare, st.just("increments"), st.sampled_from(sorted(criteria.OPERATORS)), st.integers(0, 2)),
    st.builds(In, st.just("designation"), st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)),
    st.builds(Between, st.just("increments"), st.integers(0, 2), st.integers(0, 2)),
    st.just(criteria.Exists("retires_on")),
    st.just(Compare("retires_on", "<", dt.date(2026, 1, 2))),
)
nodes = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(All, st.lists(parts, min_size=1, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(parts, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
some_rows = st.fixed_dictionaries(
    {
        "designation": st.none() | st.sampled_from("abc"),
        "increments": st.none() | st.integers(0, 2),
        "retires_on": st.none() | st.just(dt.date(2026, 1, 1)),
    }
)


@given(nodes, st.lists(some_rows, max_size=6))
def test_the_canonical_form_holds_for_the_same_rows(node: Node, found: list[Row]) -> None:
    one = canonical.canonical(node)
    assert [criteria.holds(one, row) for row in found] == [criteria.holds(node, row) for row in found]
    assert canonical.canonical(one) == one
    assert criteria.parse(canonical.document(one), TYPES) == one


@given(nodes, nodes, st.randoms(use_true_random=False))
def test_order_doubling_and_nesting_make_no_other_question(node: Node, other: Node, draw: random.Random) -> None:
    parts = [node, other, node, All((other, node))]
    draw.shuffle(parts)
    assert canonical.digest(All(tuple(parts))) == canonical.digest(All((node, other)))
    assert canonical.digest(Not(Not(AnyOf((other, node, AnyOf((node,))))))) == canonical.digest(AnyOf((node, other)))


def test_another_question_has_another_digest() -> None:
    assert canonical.digest(Compare("increments", ">", 0)) != canonical.digest(Compare("increments", ">=", 1))
    assert canonical.digest(All((leaf := Compare("increments", ">", 0),))) == canonical.digest(leaf)
    assert canonical.digest(In("designation", ("b", "a", "b"))) == canonical.digest(In("designation", ("a", "b")))
    assert canonical.digest(Between("increments", 1, 1)) == canonical.digest(Compare("increments", "==", 1))
