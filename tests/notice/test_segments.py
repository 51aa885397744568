"""Segments: the alphabet, the limits, and what must not be split (3GPP TS 23.038 and 23.040)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.notice.segments import encode


@pytest.mark.parametrize(
    ("text", "coding", "lengths"),
    [
        ("", "gsm7", [0]),
        ("a" * 160, "gsm7", [160]),
        ("a" * 161, "gsm7", [153, 8]),
        ("€" * 80, "gsm7", [160]),
        ("€" * 81, "gsm7", [152, 10]),  # 153 is odd: the escape and its septet go together
        ("ക" * 70, "ucs2", [140]),
        ("ക" * 71, "ucs2", [134, 8]),
        ("😀" * 35, "ucs2", [140]),
        ("😀" * 36, "ucs2", [132, 12]),  # 67 is odd: the pair goes together
        ("a" * 70 + "ക", "ucs2", [134, 8]),
    ],
)
def test_limits(text: str, coding: str, lengths: list[int]) -> None:
    segments = encode(text)
    assert segments.coding == coding
    assert [len(part) for part in segments.parts] == lengths


def test_septets_are_those_of_the_standard() -> None:
    assert encode("@£ Aa\n^€à").parts == (bytes([0x00, 0x01, 0x20, 0x41, 0x61, 0x0A, 0x1B, 0x14, 0x1B, 0x65, 0x7F]),)


@pytest.mark.parametrize("character", ["`", "ç", "₹", "\t", "\x1b", "ക", "\u200d"])
def test_what_gsm7_lacks_goes_as_ucs2(character: str) -> None:
    assert encode(f"a{character}").coding == "ucs2"


@given(st.text(st.sampled_from("aക😀\u200d്"), min_size=1, max_size=300))
def test_ucs2_parts_decode_each_by_itself(text: str) -> None:
    segments = encode(text + "ക")
    assert "".join(part.decode("utf-16-be") for part in segments.parts) == text + "ക"
    assert all(0 < len(part) <= (140 if len(segments.parts) == 1 else 134) for part in segments.parts)


def character_by_character(text: str) -> tuple[bytes, ...]:
    parts = [b""]
    for octets in (character.encode("utf-16-be") for character in text):
        if len(parts[-1]) + len(octets) > 134:
            parts.append(b"")
        parts[-1] += octets
    return tuple(parts)


@given(st.text(st.sampled_from("aക😀\ud7ff\ue000\U0010ffff"), min_size=71, max_size=300))
def test_ucs2_parts_are_those_of_a_split_between_characters(text: str) -> None:
    assert encode(text + "ക").parts == character_by_character(text + "ക")


@given(st.text(st.sampled_from("a€{é@"), min_size=1, max_size=500))
def test_gsm7_parts_never_end_in_an_escape(text: str) -> None:
    parts = encode(text).parts
    assert b"".join(parts) == b"".join(encode(character).parts[0] for character in text)
    assert all(0 < len(part) <= (160 if len(parts) == 1 else 153) for part in parts)
    assert not any(part.endswith(b"\x1b") for part in parts)
