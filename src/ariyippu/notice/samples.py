"""Invented values, as they are written in messages: for previews and for measuring. Pure.

They stand for nobody: officers never see a person's values, and need none to see what a notice looks like.
"""

from collections.abc import Mapping

from ariyippu.notice.documents import Kind

VALUE_UNITS = 30  # units of UTF-16: the longest variable that DLT takes, so the longest value of an SMS

TYPICAL: Mapping[Kind, str] = {
    "text": "INVENTED/2026/7",
    "name": "മീനു കിഴക്കേതിൽ",
    "number": "28",
    "money": "₹ 12,345.00",
    "date": "04-02-2026",
}
# The value of each type that makes the most segments: UCS-2 but for digits and dates.
LONGEST: Mapping[Kind, str] = {
    "text": "ക" * VALUE_UNITS,
    "name": "ക" * VALUE_UNITS,
    "number": "-9223372036854775808",
    "money": "₹" + "9" * (VALUE_UNITS - 1),
    "date": "04-02-2026",
}
