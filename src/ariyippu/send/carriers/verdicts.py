"""What a mail server's reply code says of a message, and whom it speaks about. The one table. Pure.

A code is `250`, or `250 2.0.0` where the server gives enhanced codes (RFC 3463 and 5248); or one of our own,
`local.…`. Its first digit decides (RFC 5321, 4.2.1) but for the replies that ask for credentials or TLS:
those are 5xx, and yet nothing is wrong with the message.
"""

from enum import Enum

from ariyippu.send.carriers.answers import Verdict

_OF_DIGIT = {"2": Verdict.ACCEPTED, "4": Verdict.TRANSIENT, "5": Verdict.PERMANENT}
# RFC 4954, 6 and RFC 3207, 4: authentication or encryption required, too weak, or failed.
_WANTS_CREDENTIALS = frozenset({"530", "534", "535", "538"})
_CARRIERS_OWN = _WANTS_CREDENTIALS | {"421", "454"}  # closing; TLS or credentials not available now
_ENHANCED_AT = len("250 ")


class Blame(Enum):
    """Whose fault it is that a message was put off; what else must then wait."""

    MAILBOX = "mailbox"  # this recipient alone
    DESTINATION = "destination"  # perhaps all of its domain: greylisting, overload, no route
    CARRIER = "carrier"  # the relay itself


# RFC 3463, 3: the subject of an enhanced code. 1 address, 2 mailbox, 6 content: this message alone.
_OF_SUBJECT = {
    "1": Blame.MAILBOX,
    "2": Blame.MAILBOX,
    "3": Blame.CARRIER,  # the mail system that we speak to is full or busy
    "4": Blame.DESTINATION,  # network and routing
    "5": Blame.CARRIER,  # the protocol itself went wrong
    "6": Blame.MAILBOX,
    "7": Blame.DESTINATION,  # policy: greylisting is 4.7.1
}


def verdict(code: str) -> Verdict:
    """KeyError when the code begins with none of 2, 4 and 5."""
    return Verdict.TRANSIENT if code[:3] in _WANTS_CREDENTIALS else _OF_DIGIT[code[:1]]


def blame(code: str) -> Blame:
    """Whom a transient code speaks about. Without an enhanced code: the destination, as greylisting often has none."""
    if code[:3] in _CARRIERS_OWN or not code[:1].isdigit():
        return Blame.CARRIER
    subject = code[_ENHANCED_AT:].split(".")
    return _OF_SUBJECT.get(subject[1], Blame.DESTINATION) if len(subject) == 3 else Blame.DESTINATION
