"""Quiet hours of a channel, by the clock of India: what may not go at night waits for the morning. Pure.

Nobody is refused for the hour at which a worker comes to their message, so this is asked at each lease and not
in the decision (docs/adr/0021). A batch is kept for seconds, and so is what still leaves after the hour's stroke.
An emergency does not wait.
"""

import datetime as dt
from collections.abc import Sequence

from ariyippu.base.clock import INDIA
from ariyippu.base.home import CarrierSettings
from ariyippu.grant.purposes import Purpose


def waits(carrier: CarrierSettings, purpose: Purpose, at: dt.datetime) -> bool:
    """Whether a message for the purpose waits at this instant."""
    return not purpose.emergency and carrier.quiet_hours is not None and _within(carrier.quiet_hours, at)


def _within(hours: Sequence[dt.time], at: dt.datetime) -> bool:
    """From the first until before the second; over midnight where the second is the earlier one."""
    begins, ends = hours
    now = at.astimezone(INDIA).time()
    return begins <= now < ends if begins < ends else now >= begins or now < ends
