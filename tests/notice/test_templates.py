"""Templates split without code in them, and flags that show a text or leave no trace of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base.errors import RefusedError
from ariyippu.notice import templates
from ariyippu.notice.documents import MAX_FLAGS
from ariyippu.notice.templates import Template


def test_a_text_is_split_into_literals_and_names() -> None:
    assert templates.parse("((a)) and ((b_2)), ((a)).") == Template(("", " and ", ", ", "."), ("a", "b_2", "a"))
    assert templates.parse("((a)) ((b)) ((a))").placeholders() == {"a", "b"}
    assert templates.parse("(one) bracket {x} %s") == Template(("(one) bracket {x} %s",), ())


@pytest.mark.parametrize(
    "text",
    ["((", "a )) b", "((A))", "((a b))", "((a.b))", "((a)", "((a))((", "((a\n))", "((é))", "((f??x))", "((f??))"],
)
def test_brackets_that_are_no_placeholder_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="malformed"):
        templates.parse(text)


@given(st.text(alphabet="()ab _\n", max_size=30))
def test_a_template_holds_its_whole_text_or_is_refused(text: str) -> None:
    try:
        template = templates.parse(text)
    except RefusedError:
        return
    names = [f"(({name}))" for name in template.names]
    assert "".join(part for pair in zip(template.literals, [*names, ""], strict=True) for part in pair) == text
    assert template.filled({name: f"(({name}))" for name in template.names}) == text


@pytest.mark.parametrize(
    ("text", "with_it", "without"),
    [
        ("Pay ((f??by March)).", "Pay by March.", "Pay ."),
        ("Pay ((f??by March)) now", "Pay by March now", "Pay now"),
        ("Pay ((f??by March))", "Pay by March", "Pay"),
        ("one\n((f??two))\nthree", "one\ntwo\nthree", "one\nthree"),
        ("one\n\n((f??two))\n\nthree", "one\n\ntwo\n\nthree", "one\n\nthree"),
        ("((f??one))\n\ntwo", "one\n\ntwo", "two"),
        ("one\n\n((f??two))", "one\n\ntwo", "one"),
        ("one\n((f??two)) ((f??three))\nfour", "one\ntwo three\nfour", "one\nfour"),
        ("((f??a\n\nb))c", "a\n\nbc", "c"),
        ("((f??why? (see below)!))", "why? (see below)!", ""),
        ("((g??other)) ((a))", "((a))", "((a))"),
        ("one ((f??two))\nthree", "one two\nthree", "one\nthree"),
        ("one\n((f??two)) three", "one\ntwo three", "one\nthree"),
        ("((a)) stays", "((a)) stays", "((a)) stays"),
    ],
)
def test_a_flag_shows_its_text_or_leaves_nothing(text: str, with_it: str, without: str) -> None:
    assert templates.resolve(text, {"f"}) == with_it
    assert templates.resolve(text, set()) == without


@pytest.mark.parametrize("text", ["((f??))", "((f??(see below)))", "((f??a ((b)) c))", "((f??a ((g??b))))", "((F??a))"])
def test_what_is_no_flag_stays_and_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="malformed"):
        templates.parse(templates.resolve(text, {"f"}))


def test_a_text_without_flags_is_not_touched() -> None:
    text = "\n\na  b\n\n\n\n((c))  \n"
    assert templates.resolve(text, {"c"}) == text


def test_names_and_flags_are_told_apart() -> None:
    assert templates.flags("((a)) ((f??b)) ((g??c))") == {"f", "g"}
    assert templates.mentioned("((a)) ((f??b))") == {"a", "f"}


def test_every_way_in_which_flags_hold_comes_once() -> None:
    ways = list(templates.variants("abc"))
    assert len(ways) == len(set(ways)) == 8
    assert (ways[0], ways[-1]) == (frozenset(), frozenset("abc"))
    with pytest.raises(RefusedError, match="malformed"):
        next(templates.variants([f"f{n}" for n in range(MAX_FLAGS + 1)]))
