"""A destination that puts message after message off rests, and holds up no other."""

from hypothesis import given
from hypothesis import strategies as st

from ariyippu.send import destinations
from ariyippu.send.destinations import MAX_REST_S, PATIENCE, Destinations

REST_S = 20.0


def strike(known: Destinations, destination: str, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        known.put_off(destination, now)


def test_it_rests_after_so_many_in_a_row_and_others_go_on() -> None:
    known = Destinations(REST_S)
    strike(known, "slow.example", PATIENCE - 1)
    assert known.rest_left_s("slow.example", 0) == 0
    strike(known, "slow.example", 1)
    assert known.rest_left_s("slow.example", 0) == REST_S
    assert known.rest_left_s("slow.example", REST_S + 1) == 0
    assert known.rest_left_s("quick.example", 0) == 0


def test_one_that_is_put_off_after_a_rest_rests_twice_as_long_at_once() -> None:
    known = Destinations(REST_S)
    strike(known, "slow.example", PATIENCE)
    strike(known, "slow.example", 3, now=1)  # they were on their way when it began to rest
    strike(known, "slow.example", 1, now=REST_S)
    assert known.rest_left_s("slow.example", REST_S) == 2 * REST_S


def test_an_answer_ends_its_troubles() -> None:
    known = Destinations(REST_S)
    strike(known, "slow.example", PATIENCE)
    known.took("slow.example")
    assert known.are_well()
    strike(known, "slow.example", PATIENCE - 1)
    assert known.rest_left_s("slow.example", 0) == 0


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.floats(0, 500)), max_size=60)


@given(EVENTS)
def test_a_rest_is_bounded_and_earned(events: list[tuple[str, bool, float]]) -> None:
    """Whatever comes: nobody rests longer than the most, and nobody who took the last message."""
    known, now = Destinations(REST_S), 0.0
    in_a_row: dict[str, int] = {}
    for name, took, later in events:
        now += later
        if took:
            known.took(name)
        else:
            known.put_off(name, now)
        in_a_row[name] = 0 if took else in_a_row.get(name, 0) + 1
        for each, strikes in in_a_row.items():
            left_s = known.rest_left_s(each, now)
            assert 0 <= left_s <= MAX_REST_S
            assert not left_s or strikes >= PATIENCE


def test_what_is_known_does_not_grow_without_end() -> None:
    known = Destinations(REST_S)
    for number in range(3 * destinations.MAX_KNOWN):
        known.put_off(f"{number}.example", 0)
    assert len(known._troubled) <= destinations.MAX_KNOWN


def test_of() -> None:
    assert destinations.of("asha@Post.Example") == "post.example"
    assert destinations.of("+910123456789") == ""
