"""What receipts come to: any number of final words about one message, in any order, settle to one state. Pure.

A word is a state and a code, and the greatest word counts (as a join: the same whatever comes first, and
however often). The order of the states says whom to believe when they differ: a delivery that happened
happened, whatever another attempt reported; but that nobody has a contact only its last system can know.

Words that are not final (delayed, relayed, accepted, en route, unknown) are no receipts and never come here.
"""

import re
from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import NamedTuple

from ariyippu.send.carriers.answers import Receipt


class State(IntEnum):
    """What became of an accepted message. The numbers stand in the database and are the order of belief."""

    DELETED = 0  # cancelled at its carrier: recalled, where a stay asked for that (track/recalls.py)
    EXPIRED = 1  # the carrier tried until the message's time was over
    UNDELIVERED = 2
    REJECTED = 3  # by the receiving side's rules: its policy, its filters
    DELIVERED = 4
    BOUNCED = 5  # nobody has this contact: it is not used again until its department verified it


class Word(NamedTuple):
    """A final word about one message, compared by state, then by code. `code`: ASCII, at most 40 characters."""

    state: State
    code: str


# RFC 3463, 3.2, 3.3, 3.5; RFC 7505, 4.2. Mailbox or domain that does not exist, cannot exist, moved, was closed.
HARD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.4"})
# The same, said at the hand-off itself: of a number (SMPP 3.4, 5.1.3; Mobile Seva), and by our own carriers.
HARD_ANSWERS = frozenset({"ESME_RINVDSTADR", "MSDP 406", "local.bad_address"})

_ENHANCED = re.compile(r"(?:^| )([245]\.\d{1,3}\.\d{1,3})(?= |$)")


def settled(words: Iterable[Word]) -> Word:
    """The one that counts. ValueError when there is none."""
    return max(words)


def of_status(status: str) -> State:
    """The state of a message that failed for good with this enhanced status code (RFC 3463)."""
    if status in HARD:
        return State.BOUNCED
    if status.startswith("4."):
        return State.EXPIRED
    return State.REJECTED if status.startswith("5.7.") else State.UNDELIVERED


def of_receipt(receipt: Receipt, dead_codes: Collection[str]) -> Word | None:
    """A carrier's receipt as a word, or None where it says nothing final.

    `dead_codes` are the codes with which this provider says that a number is nobody's; they differ from
    provider to provider. A code is the last part of what the receipt states: "001" of "UNDELIV 001".
    """
    if receipt.state == "unknown":
        return None
    state = State[receipt.state.upper()]
    if state not in (State.DELIVERED, State.DELETED) and receipt.code.rpartition(" ")[2] in dead_codes:
        state = State.BOUNCED
    return Word(state, receipt.code)


def is_hard(answer: str) -> bool:
    """Whether a refusal at the hand-off ("550 5.1.1", "ESME_RINVDSTADR") says that nobody has the contact."""
    found = _ENHANCED.search(answer)
    return answer in HARD_ANSWERS or (found is not None and found[1] in HARD)
