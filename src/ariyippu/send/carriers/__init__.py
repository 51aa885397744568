"""Carriers take messages out of the house: e-mail over SMTP, SMS over SMPP.

`answers.py` is the protocol; `smtp.py` and `smpp.py` speak to providers; `pdu.py` is SMPP's wire format.
"""

from ariyippu.base.home import CarrierSettings
from ariyippu.send.carriers import endpoint
from ariyippu.send.carriers.answers import Answer, Carrier, EmailMessage, Message, Receipt, SmsMessage, Verdict
from ariyippu.send.carriers.smpp import SmppCarrier
from ariyippu.send.carriers.smtp import SmtpCarrier

__all__ = [
    "Answer",
    "Carrier",
    "EmailMessage",
    "Message",
    "Receipt",
    "SmsMessage",
    "Verdict",
    "open_carrier",
]


def open_carrier(settings: CarrierSettings) -> Carrier:
    """The carrier that the URL's scheme names. It connects on first use.

    RefusedError `carrier.bad_url`, `carrier.bad_sender` or `carrier.password_in_clear`.
    """
    where = endpoint.parse(settings.url)
    if where.scheme in ("smpp", "smpps"):
        return SmppCarrier(settings, where)
    return SmtpCarrier(settings, where)
