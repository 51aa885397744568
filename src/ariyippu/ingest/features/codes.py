"""Values that are one of a few: a gender, one of Kerala's districts, a number that other registers hold too."""

import re

from ariyippu.ingest.features.spelling import fold, letters

# Each group's first spelling stands for it; what stands nowhere stands for itself.
_GENDERS = (
    ("male", "m", "man", "boy", "പുരുഷൻ", "ആൺ"),
    ("female", "f", "w", "woman", "girl", "സ്ത്രീ", "പെൺ"),
    ("transgender", "t", "tg", "trans", "third gender", "other", "o", "others", "ട്രാൻസ്ജെൻഡർ"),
)
# Codes of the Local Government Directory, today's names and those of before 1990.
_DISTRICTS = (
    ("554", "Alappuzha", "Alleppey"),
    ("555", "Ernakulam"),
    ("556", "Idukki"),
    ("557", "Kannur", "Cannanore"),
    ("558", "Kasaragod", "Kasargod", "കാസർകോട്"),
    ("559", "Kollam", "Quilon"),
    ("560", "Kottayam"),
    ("561", "Kozhikode", "Calicut"),
    ("562", "Malappuram"),
    ("563", "Palakkad", "Palghat"),
    ("564", "Pathanamthitta"),
    ("565", "Thiruvananthapuram", "Trivandrum"),
    ("566", "Thrissur", "Trichur"),
    ("567", "Wayanad", "Wynad"),
)


def _spelling(text: str) -> str:
    return fold("".join(re.findall(r"[^\W_]+", letters(text))))


_GENDER_OF = {_spelling(name): group[0] for group in _GENDERS for name in group}
_DISTRICT_OF = {_spelling(name): group[0] for group in _DISTRICTS for name in group}


def gender(text: str) -> str | None:
    """`male`, `female`, `transgender`, or the text as it is compared; None when it holds no letter or digit."""
    return _GENDER_OF.get(found := _spelling(text), found) or None


def district(text: str) -> str | None:
    """The district's LGD code, whether its name or its code is given; else the text as it is compared."""
    return _DISTRICT_OF.get(found := _spelling(text), found) or None


def identifier(text: str) -> str | None:
    """Letters and digits only, in upper case: UDYAM-KL-01-0000001 and udyam kl 01 0000001 are one."""
    return "".join(re.findall(r"[^\W_]+", text.upper())) or None
