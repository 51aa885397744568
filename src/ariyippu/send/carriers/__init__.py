"""Carriers take messages out of the house: e-mail over SMTP, SMS over SMPP or C-DAC's Mobile Seva;
or into the person's own page.

`answers.py` is the protocol; `smtp.py` and `smpp.py` speak to providers. SMPP is `smpp_submit.py` (a message as PDUs),
`smpp_window.py` (what became of them), `smpp_throttle.py` (how many a second), `smpp_session.py` (the connection) and
`pdu.py` (the wire format).
"""

from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers import endpoint
from ariyippu.send.carriers.answers import (
    Answer,
    Arrival,
    Carrier,
    EmailMessage,
    InboxMessage,
    Message,
    Recalling,
    Receipt,
    SmsMessage,
    Stop,
    Verdict,
)
from ariyippu.send.carriers.inbox import INBOX, InboxCarrier
from ariyippu.send.carriers.mobile_seva import MobileSevaCarrier
from ariyippu.send.carriers.smpp import SmppCarrier
from ariyippu.send.carriers.smtp import SmtpCarrier

__all__ = [
    "Answer",
    "Arrival",
    "Carrier",
    "EmailMessage",
    "InboxMessage",
    "Message",
    "Recalling",
    "Receipt",
    "SmsMessage",
    "Stop",
    "Verdict",
    "can_recall",
    "connections",
    "open_carrier",
]


_BY_SCHEME: dict[str, type[SmtpCarrier | SmppCarrier | MobileSevaCarrier]] = {
    **dict.fromkeys(("smtp", "smtps", "smtp+starttls"), SmtpCarrier),
    **dict.fromkeys(("smpp", "smpps"), SmppCarrier),
    **dict.fromkeys(("mobileseva+https", "mobileseva+http"), MobileSevaCarrier),
}


def connections(settings: CarrierSettings) -> int:
    """How many connections the carrier of these settings holds at once: an SMPP session is one."""
    is_smpp = settings.url.startswith(("smpp://", "smpps://"))
    return 1 if is_smpp else settings.connections


def can_recall(settings: CarrierSettings) -> bool:
    """Whether the carrier of these settings can be asked to cancel what it accepted: its type says so."""
    return issubclass(_BY_SCHEME.get(settings.url.partition(":")[0], InboxCarrier), Recalling)


def open_carrier(settings: CarrierSettings) -> Carrier:
    """The carrier that the URL's scheme names. It connects on first use.

    RefusedError `carrier.bad_url`, `carrier.bad_sender`, `carrier.password_in_clear`, `carrier.no_secure_key`.
    """
    if settings is INBOX:
        return InboxCarrier()
    where = endpoint.parse(settings.url)
    return _BY_SCHEME[where.scheme](settings, where)
