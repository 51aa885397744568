"""Filters tell variants of a name from other names, under one key and no other."""

import itertools
from collections import Counter

import pytest

from ariyippu.ingest.features.keyed import FILTER_BYTES, Keyed
from ariyippu.ingest.features.names import Names
from tests.ingest.features.alike import KEYED, dice

VARIANTS = (
    *(("Renjith", "Ranjith"), ("Resmi", "Rashmi"), ("Padmanabhan", "Pathmanabhan"), ("Puthenpurayil", "Puthanpurayil")),
    *(("Antony", "Antoney"), ("Kunjumon", "Kunjomon"), ("Sivaraman", "Sivraman"), ("Radhakrishnan", "Radhakrsihnan")),
    *(("Vijayalakshmi", "Vijayalakshmy"), ("Gopalakrishnan", "Gopalkrishnan"), ("Elizabeth", "എലിസബത്ത്")),
    *(("Chandrasekharan", "Chandrashekaran"), ("Balakrishna Pillai", "ബാലകൃഷ്ണപിള്ള"), ("Suseela", "Susheela")),
)


def wholes() -> list[tuple[str, str]]:
    names = Names()
    found = [(names.person(one), names.person(other)) for one, other in VARIANTS]
    return [(names.whole(one.longs), names.whole(other.longs)) for one, other in found if one and other]


def test_variants_are_nearer_than_any_other_two_names() -> None:
    pairs = wholes()
    variants = [dice(one, other) for one, other in pairs]
    others = [dice(a[0], b[0]) for a, b in itertools.combinations(pairs, 2)]
    assert len(variants) == len(VARIANTS)
    assert min(variants) > 0.65
    assert sorted(others)[len(others) // 2] < 0.4
    assert min(variants) > max(others)


def test_usual_names_fill_a_third_at_most() -> None:
    fill = [KEYED.filter(name).bit_count() / 256 for pair in wholes() for name in pair]
    assert max(fill) < 0.35


def test_dice_of_filters_follows_dice_of_q_grams() -> None:
    assert dice("anilkumar", "anilkumar") == 1.0
    assert 0.7 < dice("anilkumar", "anilkumara") < 1.0


def test_a_q_gram_s_bits_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keyed, hashed = Keyed(bytes(32)), Counter[bytes]()
    mac = keyed._mac

    def counted(text: bytes) -> bytes:
        hashed[text] += 1
        return mac(text)

    monkeypatch.setattr(keyed, "_mac", counted)
    before = keyed.filter("anilkumar")
    for _row in range(100):
        assert keyed.filter("anilkumar") == before
    assert set(hashed.values()) == {1}
    assert len(hashed) == len("_anilkumar_") - 1 + len("_anlkmr_") - 1


def test_another_key_gives_another_filter_and_other_tokens() -> None:
    other = Keyed(bytes(32))
    same = (KEYED.filter("anil") & other.filter("anil")).bit_count()
    assert same < KEYED.filter("anil").bit_count() // 2
    assert KEYED.token("whole", "anil") != other.token("whole", "anil")
    assert KEYED.letters("ak") != other.letters("ak") or KEYED.letters("bc") != other.letters("bc")


def test_kinds_of_tokens_are_apart() -> None:
    assert len({KEYED.token(kind, "anil") for kind in ("whole", "sound", "head", "gram")}) == 4


def test_each_letter_has_a_bit_of_its_own() -> None:
    bits = {KEYED.letters(letter) for letter in "abcdefghijklmnopqrstuvwxyz"}
    assert len(bits) == 26
    assert all(int.from_bytes(each).bit_count() == 1 for each in bits)
    assert int.from_bytes(KEYED.letters("kpak")).bit_count() == 3
    assert KEYED.letters("ഴ7") == bytes(8)


def test_the_formats_do_not_change_by_accident() -> None:
    """Golden: a change here is another FEATURE_VERSION."""
    words = KEYED.filter("anilkumar").to_bytes(FILTER_BYTES, "little").hex()
    assert words == "0d2a060040128060600254c07024400400030937452101162150546020100002"
    assert KEYED.token("whole", "anilkumar").hex() == "4ed2c0cdc51bf456"
    assert KEYED.letters("ak").hex() == "0000040000000008"
