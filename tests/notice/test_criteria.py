"""The SQL of criteria and their reference say the same; what cannot be read is refused and named."""

import datetime as dt
import json
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base import engine
from ariyippu.base.errors import RefusedError
from ariyippu.notice import criteria
from ariyippu.notice.criteria import All, AnyOf, Between, Compare, Exists, In, Node, Not

TYPES = {
    "designation": "text",
    "district": "enum",
    "increments": "integer",
    "arrears": "money",
    "retires_on": "date",
}
SCHEMA = pa.schema(
    [
        ("designation", pa.string()),
        ("district", pa.string()),
        ("increments", pa.int64()),
        ("arrears", pa.int64()),
        ("retires_on", pa.date32()),
    ]
)
ARREARS: dict[str, object] = {"field": "arrears", "op": ">", "value": 0}

# Few values, so that rows and criteria meet; awkward ones among them, and any text besides.
texts = st.sampled_from(
    ["", "ക്ലാർക്ക്", "അവൻ", "അവന്‍", 'O"Brien', "it's", "a; drop table", "IDUKKI", "😀", "\uffff", "a\0b"]
)
values = {
    "text": texts | st.text(max_size=4),
    "enum": texts,
    "integer": st.integers(-3, 3),
    "money": st.integers(-3, 3) | st.integers(-(2**63) + 1, 2**63 - 1),
    "date": st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 4)) | st.dates(),
}
rows = st.fixed_dictionaries({name: st.none() | values[kind] for name, kind in TYPES.items()})


@st.composite
def leaves(draw: st.DrawFn) -> dict[str, object]:
    field = draw(st.sampled_from(sorted(TYPES)))
    value = values[TYPES[field]].map(lambda drawn: drawn.isoformat() if isinstance(drawn, dt.date) else drawn)
    match draw(st.sampled_from(["op", "in", "between", "exists"])):
        case "op":
            return {"field": field, "op": draw(st.sampled_from(sorted(criteria.OPERATORS))), "value": draw(value)}
        case "in":
            return {"field": field, "in": draw(st.lists(value, min_size=1, max_size=3))}
        case "between":
            return {"field": field, "between": draw(st.lists(value, min_size=2, max_size=2))}
    return {"field": field, "exists": True}


def _joined(parts: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    several = st.lists(parts, min_size=1, max_size=3)
    joined: st.SearchStrategy[dict[str, object]] = st.one_of(
        several.map(lambda found: {"all": found}),
        several.map(lambda found: {"any": found}),
        parts.map(lambda found: {"not": found}),
    )
    return joined


documents = st.recursive(leaves(), _joined, max_leaves=6)


def _found(node: Node, people: Sequence[criteria.Row]) -> list[bool]:
    condition, parameters = criteria.to_sql(node)
    numbers = pa.array(range(len(people)), pa.int64())
    records = pa.Table.from_pylist([dict(row) for row in people], SCHEMA).append_column("number", numbers)
    with engine.connect() as connection:
        connection.register("records", records)
        found = connection.execute(f"select {condition} from records order by number", parameters).fetchall()  # noqa: S608
    return [row[0] for row in found]


@settings(max_examples=200, deadline=None)
@given(document=documents, people=st.lists(rows, min_size=1, max_size=5))
def test_sql_and_reference_agree(document: dict[str, object], people: list[criteria.Row]) -> None:
    node = criteria.parse(json.loads(json.dumps(document)), TYPES)
    assert _found(node, people) == [criteria.holds(node, row) for row in people]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"op": "==", "value": 2}, [False, True, False, False]),
        ({"op": "!=", "value": 2}, [True, False, True, False]),
        ({"op": "<", "value": 2}, [True, False, False, False]),
        ({"op": "<=", "value": 2}, [True, True, False, False]),
        ({"op": ">", "value": 2}, [False, False, True, False]),
        ({"op": ">=", "value": 2}, [False, True, True, False]),
        ({"in": [1, 3]}, [True, False, True, False]),
        ({"between": [1, 2]}, [True, True, False, False]),
        ({"between": [2, 1]}, [False, False, False, False]),
        ({"exists": True}, [True, True, True, False]),
    ],
)
def test_each_condition_over_1_2_3_and_absent(condition: dict[str, object], expected: list[bool]) -> None:
    node = criteria.parse({"field": "increments"} | condition, TYPES)
    people: list[criteria.Row] = [dict.fromkeys(TYPES) | {"increments": value} for value in (1, 2, 3, None)]
    assert [criteria.holds(node, row) for row in people] == _found(node, people) == expected
    assert _found(Not(node), people) == [not held for held in expected]


def test_every_form_parses_to_its_node() -> None:
    document: dict[str, object] = {
        "all": [
            ARREARS,
            {"any": [{"field": "district", "in": ["IDUKKI", "WAYANAD"]}, {"field": "designation", "exists": True}]},
            {"not": {"field": "retires_on", "between": ["2026-01-01", "2026-12-31"]}},
        ]
    }
    node = criteria.parse(document, TYPES)
    assert node == All(
        (
            Compare("arrears", ">", 0),
            AnyOf((In("district", ("IDUKKI", "WAYANAD")), Exists("designation"))),
            Not(Between("retires_on", dt.date(2026, 1, 1), dt.date(2026, 12, 31))),
        )
    )
    assert criteria.fields(node) == {"arrears", "district", "designation", "retires_on"}


def test_a_comparison_with_an_absent_value_is_false_and_its_negation_true() -> None:
    for document in (ARREARS, ARREARS | {"op": "!="}, {"field": "arrears", "in": [1]}):
        node = criteria.parse(document, TYPES)
        assert not criteria.holds(node, {"arrears": None})
        assert criteria.holds(Not(node), {"arrears": None})


def test_a_value_never_enters_the_sql() -> None:
    hostile = "x' or true --"
    condition, parameters = criteria.to_sql(Compare("designation", "==", hostile))
    assert condition == 'coalesce("designation" = ?, false)'
    assert parameters == [hostile]


def test_a_column_name_stays_inside_its_quotes() -> None:
    assert criteria.to_sql(Exists('a" or true or "b'))[0] == '("a"" or true or ""b" is not null)'


@pytest.mark.parametrize(
    ("document", "code", "names"),
    [
        ({"field": "mobile", "op": "==", "value": "1"}, "criteria.unknown_field", "mobile"),
        ({"field": "arrears", "op": ">", "value": "0"}, "criteria.wrong_type", "arrears"),
        ({"field": "arrears", "op": ">", "value": 0.5}, "criteria.wrong_type", "arrears"),
        ({"field": "arrears", "op": ">", "value": True}, "criteria.wrong_type", "arrears"),
        ({"field": "arrears", "op": ">", "value": 2**63}, "criteria.wrong_type", "arrears"),
        ({"field": "arrears", "op": ">", "value": None}, "criteria.wrong_type", "arrears"),
        ({"field": "district", "in": ["IDUKKI", 5]}, "criteria.wrong_type", "district"),
        ({"field": "retires_on", "op": "<", "value": "2026-02-30"}, "criteria.wrong_type", "retires_on"),
        ({"field": "retires_on", "op": "<", "value": "20260204"}, "criteria.wrong_type", "retires_on"),
        ({"field": "retires_on", "op": "<", "value": "2026-W06-3"}, "criteria.wrong_type", "retires_on"),
        ({"field": "retires_on", "op": "<", "value": 20260204}, "criteria.wrong_type", "retires_on"),
        ({"field": "arrears", "op": "like", "value": 0}, "criteria.malformed", "arrears"),
        ({"field": "arrears", "op": ">", "value": 0, "or": 1}, "criteria.malformed", "arrears"),
        ({"field": "arrears", "between": [1]}, "criteria.malformed", "arrears"),
        ({"field": "arrears", "in": []}, "criteria.malformed", "arrears"),
        ({"field": "arrears", "in": list(range(1001))}, "criteria.too_large", "arrears"),
        ({"field": "arrears", "exists": False}, "criteria.malformed", "arrears"),
        ({"field": "arrears"}, "criteria.malformed", "arrears"),
        ({"all": []}, "criteria.malformed", "all"),
        ({"any": [ARREARS], "all": [ARREARS]}, "criteria.malformed", "more than it may"),
        ({"not": [ARREARS]}, "criteria.malformed", "not an object"),
        ({}, "criteria.malformed", "none of"),
        ({"all": [ARREARS] * criteria.MAX_NODES}, "criteria.too_large", "100"),
    ],
)
def test_what_cannot_be_read_is_refused(document: dict[str, object], code: str, names: str) -> None:
    with pytest.raises(RefusedError) as refused:
        criteria.parse(document, TYPES)
    assert refused.value.code == code
    assert names in refused.value.message


def test_a_column_of_another_type_compares_with_nothing() -> None:
    with pytest.raises(RefusedError, match="wrong_type"):
        criteria.parse({"field": "mobile", "op": "==", "value": "0"}, {"mobile": "mobile"})


def test_depth_is_bounded() -> None:
    document = ARREARS
    for _ in range(criteria.MAX_DEPTH - 1):
        document = {"not": document}
    node: Node = criteria.parse(document, TYPES)
    assert isinstance(node, Not)
    with pytest.raises(RefusedError, match="too_large"):
        criteria.parse({"not": document}, TYPES)
