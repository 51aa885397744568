"""Mail that comes to the bounce address: whose it is, what it says, and what follows; nothing else is kept.

bounces+TOKEN@…   the envelope's recipient names the message (its return path)
bounces@…         the Message-ID of what the report returns names it
"""

import re
from dataclasses import dataclass
from enum import Enum

from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.send.tokens import PATTERN
from ariyippu.track import dsn, links, sent, settle


class Recipient(Enum):
    """What an address is to the listener."""

    OURS = "ours"
    NEVER_SENT = "never_sent"  # of the right form, but its token is no message's
    STRANGER = "stranger"


@dataclass(frozen=True, repr=False)
class Arrivals:
    """The bounce address of one vault."""

    home: Home
    keyring: Keyring
    address: str

    def recipient(self, address: str) -> Recipient:
        """Whether mail to this address is taken. Counts what is addressed to a message that was never sent."""
        token = self._token(address)
        if token is None:
            return Recipient.STRANGER
        if token and sent.find(token, "receipt", self.home, self.keyring) is None:
            settle.ignore("never_sent")
            return Recipient.NEVER_SENT
        return Recipient.OURS

    def take(self, address: str, octets: bytes) -> None:
        """Keep what a mail to this address says; when this returns, it is kept, or counted as nothing of ours."""
        report = dsn.read(octets)
        if report is None:
            settle.ignore("unreadable")
            return
        if report.kind == "nothing":
            return
        token = self._token(address) or report.token
        message = sent.find(token, "receipt", self.home, self.keyring) if token else None
        if message is None:
            settle.ignore("never_sent")
        elif report.word is not None:
            settle.keep_message(message.place, report.word)
        else:
            links.object_to(message)

    def _token(self, address: str) -> str | None:
        """The token in a recipient's address: "" when it is the bare one, None when it is another's."""
        local_part, _, domain = self.address.lower().partition("@")
        found = re.fullmatch(
            rf"{re.escape(local_part)}(?:\+({PATTERN}))?@{re.escape(domain)}", address.lower(), re.ASCII
        )
        return None if found is None else found[1] or ""
