"""What one hand-off over SMPP knows: parts to be written, parts that wait for their response, and what they say. Pure.

A part of a long text that fails after another was accepted leaves the message UNKNOWN: the phone may show
a fragment, and sending the whole again could double it. A part that was throttled was surely not taken, so
it alone is written again.
"""

import re
from collections import deque
from dataclasses import dataclass, field

from ariyippu.send.carriers import pdu
from ariyippu.send.carriers.answers import PROVIDER_ID, Answer, Verdict
from ariyippu.send.carriers.pdu import RESPONSE, THROTTLED, Command, Pdu

_PROVIDER_ID = re.compile(PROVIDER_ID)
_SUBMITTED = Command.SUBMIT_SM | RESPONSE

# Surely not accepted, and no fault of the message: RINVBNDSTS, RSYSERR, RMSGQFUL, RTHROTTLED, RX_T_APPN.
TRANSIENT = {0x04, 0x08, 0x14, THROTTLED, 0x64}


@dataclass(slots=True)
class Tally:
    """What is known of one message's parts."""

    unwritten: int
    segments: int
    unanswered: int = 0
    accepted: int = 0
    refusal: tuple[Verdict, str] | None = None  # the last one; a permanent one stays
    provider_id: str | None = None  # of its last part
    part_ids: tuple[str, ...] = ()  # of the others

    def refuse(self, verdict: Verdict, code: str) -> None:
        if self.refusal is None or self.refusal[0] is Verdict.TRANSIENT:
            self.refusal = verdict, code

    def answer(self, position: int) -> Answer:
        """Once nothing is unwritten or unanswered."""
        if self.refusal is None:
            return Answer(position, Verdict.ACCEPTED, "ESME_ROK", self.provider_id, self.segments, self.part_ids)
        verdict, code = self.refusal
        return self._unsure(position, Verdict.UNKNOWN if self.accepted else verdict, code)

    def broken(self, position: int) -> Answer:
        doubtful = self.accepted or self.unanswered
        return self._unsure(position, Verdict.UNKNOWN if doubtful else Verdict.TRANSIENT, "local.connection_lost")

    def _unsure(self, position: int, verdict: Verdict, code: str) -> Answer:
        """Also the last part's id is only a part's: its receipt says nothing of the whole."""
        last = () if self.provider_id is None else (self.provider_id,)
        return Answer(position, verdict, code, part_ids=(*self.part_ids, *last))


@dataclass(slots=True, repr=False)
class Part:
    """One submit_sm of a message."""

    position: int
    is_last: bool
    body: bytes


@dataclass(slots=True)
class Window:
    """One hand-off's parts: those to be written, and those that wait for their response."""

    tallies: dict[int, Tally] = field(default_factory=dict)  # position -> what is known
    queue: deque[Part] = field(default_factory=deque)  # unwritten: of the message taken last, and throttled ones
    waiting: dict[int, Part] = field(default_factory=dict)  # sequence -> part
    is_over: bool = False  # no message is taken any more

    def settle(self, response: Pdu, *, again: bool) -> Answer | None:
        """Note one response; the message's answer when it was the last one. Unknown sequences are late ones.

        `again`: what was throttled is written again.
        """
        part = self.waiting.pop(response.sequence, None)
        if part is None:
            return None
        tally = self.tallies[part.position]
        tally.unanswered -= 1
        if response.status == 0 and response.command == _SUBMITTED:
            tally.accepted += 1
            taken_as = _submitted_id(response.body)
            if part.is_last:
                tally.provider_id = taken_as
            elif taken_as is not None:
                tally.part_ids += (taken_as,)
        elif response.status == THROTTLED and again and tally.refusal is None:
            self.queue.appendleft(part)
            tally.unwritten += 1
        else:
            self._refuse(part.position, response.status)
        if tally.unwritten or tally.unanswered:
            return None
        del self.tallies[part.position]
        return tally.answer(part.position)

    def _refuse(self, position: int, status: int) -> None:
        tally = self.tallies[position]
        verdict = Verdict.TRANSIENT if status in TRANSIENT else Verdict.PERMANENT
        tally.refuse(verdict, pdu.status_name(status))
        if tally.unwritten:  # the rest of this text, and of no other, has not left: it stays here
            self.queue = deque(part for part in self.queue if part.position != position)
            tally.unwritten = 0


def _submitted_id(body: bytes) -> str | None:
    given = body.split(b"\0", 1)[0].decode("ascii", "replace")
    return given if _PROVIDER_ID.fullmatch(given) else None
