"""When a contact is too old to be used: not verified, nor its register handed over, for eighteen months. Pure.

The term is that of Norway's contact register, where such a contact counts as absent. Where a register's
contract names a contact's day of verification, that day counts; else the day on which the department handed
the register over, which is when it vouched for what is in it.
"""

import calendar
import datetime as dt

FRESH_MONTHS = 18


def since(on: dt.date) -> dt.date:
    """The first day that still counts on a day: the same of the month, or the month's last."""
    year, month = divmod(on.year * 12 + on.month - 1 - FRESH_MONTHS, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(on.day, last))
