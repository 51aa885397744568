"""A notice's e-mail, with invented values, from its author's own mailbox to itself.

It passes neither door: no register is read, no carrier of the installation is used, and one address is both the sender
and the recipient. So it needs no order, and nobody can be told anything with it.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import replace
from email.utils import format_datetime, make_msgid

from ariyippu.base import clock
from ariyippu.base.errors import RefusedError
from ariyippu.base.home import CarrierSettings
from ariyippu.notice.dlt import SmsTerms
from ariyippu.notice.documents import Notice
from ariyippu.render import preview
from ariyippu.render.compose import Headers
from ariyippu.send.carriers import Answer, EmailMessage
from ariyippu.send.carriers import endpoint as endpoints
from ariyippu.send.carriers.smtp import SmtpCarrier


class Mailbox:
    """An officer's own: an address, and the server that takes its mail. `ask` gives a password where one is needed.

    RefusedError `sample.not_smtp`, `carrier.bad_url`, `carrier.bad_sender`, `carrier.password_in_clear`.
    """

    def __init__(self, address: str, url: str, ask: Callable[[], str]) -> None:
        endpoint = endpoints.parse(url)
        if not endpoint.scheme.startswith("smtp"):
            raise RefusedError("sample.not_smtp", "Your mailbox's server must be smtps:// or smtp+starttls://.")
        if endpoint.name and not endpoint.password:
            endpoint = replace(endpoint, password=ask())
        self.address = address
        self._carrier = SmtpCarrier(CarrierSettings(url=url, sender=address, connections=1), endpoint)

    def send(self, notice: Notice, terms: SmsTerms, on: Collection[str]) -> Answer:
        """Send the sample for whom the flags `on` hold. TransientError, or RefusedError `carrier.…`."""
        headers = Headers(
            sender=self.address,
            date=format_datetime(clock.now().astimezone(dt.UTC)),
            to=[self.address],
            message_ids=[make_msgid(domain=self.address.rpartition("@")[2]).strip("<>")],
        )
        message = EmailMessage(0, self.address, preview.eml(notice, terms, on, headers))
        try:
            (answer,) = self._carrier.hand_off(iter([message]))
        finally:
            self._carrier.close()
        return answer
