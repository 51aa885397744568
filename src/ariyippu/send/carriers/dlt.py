"""What the operators' DLT checks, and C-DAC's Mobile Seva gateway, say in numbers. The one table. Pure.

Operators scrub an SMS whose entity, telemarketer, header or template is not as registered. That is no fault
of the person's: the message is put off until somebody has mended the registration, and none of its attempts
is used up. The codes are as operators publish them; the gateway's 4xx as those who use it list them.
"""

from enum import Enum

from ariyippu.send.carriers.answers import Verdict


class Meaning(Enum):
    """What follows from a code."""

    ACCEPTED = "accepted"
    RETRY = "retry"  # surely not accepted; another attempt may succeed
    DOUBTFUL = "doubtful"  # it may have been accepted
    PERSON = "person"  # this number, or this person's preference, takes no message
    TEMPLATE = "template"  # no message under this template is taken until it is mended
    CARRIER = "carrier"  # no message of this account is taken until it is mended


VERDICTS = {
    Meaning.ACCEPTED: Verdict.ACCEPTED,
    Meaning.RETRY: Verdict.TRANSIENT,
    Meaning.DOUBTFUL: Verdict.UNKNOWN,
    Meaning.PERSON: Verdict.PERMANENT,
    Meaning.TEMPLATE: Verdict.TRANSIENT,
    Meaning.CARRIER: Verdict.TRANSIENT,
}

_GATEWAY = {
    "401": Meaning.CARRIER,  # name or password
    "402": Meaning.ACCEPTED,
    "403": Meaning.CARRIER,  # no credits
    "404": Meaning.RETRY,  # its database
    "405": Meaning.RETRY,  # its network
    "406": Meaning.PERSON,  # not a number
    "407": Meaning.RETRY,
    "408": Meaning.RETRY,
    "409": Meaning.DOUBTFUL,  # the SMS centre did not answer in time
    "410": Meaning.CARRIER,  # a limit of the account
    "411": Meaning.CARRIER,  # the sender id
    "412": Meaning.CARRIER,
    "413": Meaning.TEMPLATE,  # taken for spam
    "414": Meaning.PERSON,  # refused by the operator: preferences
    "415": Meaning.CARRIER,  # no secure key
    "416": Meaning.CARRIER,  # the key does not fit
    "418": Meaning.CARRIER,  # the day's limit
}
_DLT = {
    **dict.fromkeys(map(str, range(600, 606)), Meaning.CARRIER),  # the entity: unknown, inactive, blacklisted, no id
    **dict.fromkeys(map(str, range(610, 619)), Meaning.CARRIER),  # the telemarketer, and its chain to the entity
    **dict.fromkeys(map(str, range(620, 627)), Meaning.CARRIER),  # the header
    **dict.fromkeys(map(str, range(630, 633)), Meaning.TEMPLATE),  # unknown, inactive, blacklisted
    "633": Meaning.TEMPLATE,  # the text is not the template's
    "634": Meaning.TEMPLATE,  # not for this header
    "635": Meaning.PERSON,  # a variable of this message is too long
    "636": Meaning.TEMPLATE,
    "637": Meaning.TEMPLATE,
    "650": Meaning.PERSON,  # the person's preference
    "660": Meaning.PERSON,  # no consent
    "670": Meaning.RETRY,  # the check itself failed
}


def meaning(code: str) -> Meaning:
    """What a code of three digits says. One that is not known stops the carrier: somebody must look at it."""
    return _DLT.get(code) or _GATEWAY.get(code) or Meaning.CARRIER
