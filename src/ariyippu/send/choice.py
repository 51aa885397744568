"""Which carrier takes a channel's next batch, of those that settings.toml names: one worker's choice and connections.

Of those that may be used for its purpose the cheapest first, among equals as they are listed; the next one while
those before it fail (breaker.py). Where all of them rest, the first is tried all the same: a breaker spares
messages a detour, and never stops a channel. A refusal is the end of its message with every carrier; and where none
may be used for the purpose, messages wait: no other carrier goes around that.

An id is its provider's own, and two providers may give the same one: those of a channel's further carriers are
kept as NAME/ID.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import structlog

from ariyippu.base.errors import AriyippuError, RefusedError, TransientError
from ariyippu.base.home import CHANNELS, CarrierSettings, Settings
from ariyippu.grant import purposes
from ariyippu.grant.purposes import Purpose
from ariyippu.notice.documents import Channel
from ariyippu.send import metrics
from ariyippu.send.breaker import UNREACHABLE, Breaker, State
from ariyippu.send.carriers import (
    Answer,
    Arrival,
    Carrier,
    Message,
    Recalling,
    Receipt,
    Verdict,
    can_recall,
    connections,
    dlt,
    open_carrier,
    verdicts,
)
from ariyippu.send.carriers.inbox import INBOX
from ariyippu.send.carriers.verdicts import Blame

AFTER_FAULT_S = 5

# Put off, and no trouble of the carrier's: a registration is to be mended, or we were too fast.
_NO_FAULT = frozenset({"local.template_held", "local.bad_template", "ESME_RTHROTTLED"})
_ANSWERED = (Verdict.ACCEPTED, Verdict.PERMANENT)
_REGISTRATION = (dlt.Meaning.TEMPLATE, dlt.Meaning.CARRIER)

log = structlog.get_logger()


def kept_id(carrier: str, provider_id: str) -> str:
    """A provider's id as it is kept: the same for a channel's first carrier."""
    return provider_id if carrier in CHANNELS else f"{carrier}/{provider_id}"


def is_of(carrier: str, arrival: Arrival) -> bool:
    """Whether a receipt is this carrier's, by its id as it is kept."""
    return isinstance(arrival, Receipt) and is_kept_id(carrier, arrival.provider_id)


def is_kept_id(carrier: str, kept: str) -> bool:
    """Whether this carrier gave the id."""
    name, is_further, _id = kept.partition("/")
    return name == carrier if is_further else carrier in CHANNELS


@dataclass
class Chosen:
    """One carrier of a channel, as this worker knows it."""

    name: str
    settings: CarrierSettings
    breaker: Breaker = field(default_factory=Breaker)
    waits_until: float = 0.0  # time.monotonic: after a fault
    _carrier: Carrier | None = None

    @property
    def carrier(self) -> Carrier:
        """Its connection, made on first use. RefusedError "carrier.…" when its settings cannot be right."""
        if self._carrier is None:
            self._carrier = open_carrier(self.settings)
        return self._carrier

    @property
    def window_messages(self) -> int:
        """How many messages a window holds, for all its connections: a crash leaves no more in doubt."""
        return self.settings.window_messages * connections(self.settings)

    def hand_off(self, messages: Iterator[Message]) -> list[Answer]:
        """What its carrier says of them, with the provider's ids as they are kept. Raises as the carrier does."""
        try:
            answers = list(self.carrier.hand_off(messages))
        except (TransientError, RefusedError) as error:
            if not (isinstance(error, RefusedError) and error.code == "carrier.refused"):  # no other goes around that
                self._tell(UNREACHABLE, UNREACHABLE)
            raise
        self._tell(len(answers), sum(map(_is_fault, answers)))
        return answers if self.name in CHANNELS else [self._kept(answer) for answer in answers]

    def recall(self, kept_ids: Sequence[str]) -> dict[str, str]:
        """Ask it to cancel these messages; the code of its final word by id. Raises as the carrier does."""
        if not isinstance(self.carrier, Recalling):
            return {}
        codes = self.carrier.recall([kept.rpartition("/")[2] for kept in kept_ids])
        return {kept: codes[own] for kept in kept_ids if (own := kept.rpartition("/")[2]) in codes}

    def rest(self, error: AriyippuError) -> None:
        """Give it nothing for a while: it took nothing, or nothing could be given to it."""
        log.warning("carrier_fault", carrier=self.name, error=str(error))
        metrics.FAULTS.labels(self.name).inc()
        self.waits_until = time.monotonic() + AFTER_FAULT_S

    def receipts(self) -> list[Arrival]:
        """What came over its connection, unless it waits after a fault."""
        if time.monotonic() < self.waits_until:
            return []
        try:
            arrived = self.carrier.receipts()
        except RefusedError as refusal:
            self.rest(refusal)
            return []
        return [
            replace(one, provider_id=kept_id(self.name, one.provider_id)) if isinstance(one, Receipt) else one
            for one in arrived
        ]

    def close(self) -> None:
        if self._carrier is not None:
            self._carrier.close()

    def _kept(self, answer: Answer) -> Answer:
        if answer.provider_id is None and not answer.part_ids:  # most mail
            return answer
        own = answer.provider_id and kept_id(self.name, answer.provider_id)
        return answer._replace(provider_id=own, part_ids=tuple(kept_id(self.name, part) for part in answer.part_ids))

    def _tell(self, messages: int, failed: int) -> None:
        now = time.monotonic()
        before = self.breaker.state(now)
        self.breaker.count(messages, failed, now)
        if (after := self.breaker.state(now)) is not before:
            log.warning("carrier_breaker", carrier=self.name, state=after.value)
            metrics.BREAKERS.labels(self.name, after.value).inc()


def check_purposes(settings: Settings) -> None:
    """RefusedError `settings.invalid` when a carrier may be used for what is no purpose."""
    for channel in CHANNELS:
        for name, carrier in settings.carriers_of(channel).items():
            if unknown := set(carrier.purposes or ()) - set(purposes.taxonomy()):
                raise RefusedError("settings.invalid", f"The carrier {name!r}: {min(unknown)!r} is no purpose.")


class Choice:
    """All carriers of one worker."""

    def __init__(self, settings: Settings) -> None:
        self._of: dict[Channel, list[Chosen]] = {
            channel: [Chosen(name, of) for name, of in settings.carriers_of(channel).items()]
            for channel in settings.carriers
        } | {"inbox": [Chosen("inbox", INBOX)]}

    def takes(self, channel: Channel, purpose: Purpose) -> bool:
        """Whether a batch of the channel for this purpose is to be leased now."""
        now = time.monotonic()
        usable = self._usable(channel, purpose, now)
        return bool(usable) and usable[0].waits_until <= now

    def of(self, channel: Channel, purpose: Purpose) -> Chosen:
        """Who takes the next batch of what is taken."""
        now = time.monotonic()
        usable = self._usable(channel, purpose, now)
        return next((each for each in usable if each.breaker.ask(now)), usable[0])

    def receipts(self) -> list[Arrival]:
        """From every carrier, also one that this process has sent nothing by: receipts outlive a restart."""
        return [arrival for carriers in self._of.values() for each in carriers for arrival in each.receipts()]

    def recalling(self) -> list[Chosen]:
        """Those that can be asked to cancel what they accepted, but for who waits after a fault."""
        now, sms = time.monotonic(), self._of.get("sms", [])
        return [each for each in sms if can_recall(each.settings) and each.waits_until <= now]

    def close(self) -> None:
        for carriers in self._of.values():
            for each in carriers:
                each.close()

    def _usable(self, channel: Channel, purpose: Purpose, now: float) -> list[Chosen]:
        carriers = [each for each in self._of[channel] if purposes.is_among(purpose.id, each.settings.purposes)]
        return [each for each in carriers if each.breaker.state(now) is not State.OPEN] or carriers[:1]


def _is_fault(answer: Answer) -> bool:
    """Whether the carrier itself failed a message: never when it was refused, or its destination put it off."""
    if answer.verdict in _ANSWERED or answer.code in _NO_FAULT:
        return False
    if answer.code.startswith("MSDP ") and dlt.meaning(answer.code.removeprefix("MSDP ")) in _REGISTRATION:
        return False
    if answer.verdict is Verdict.UNKNOWN:  # of a long SMS, one part may have been refused
        return not answer.code.startswith(("ESME_", "0x"))
    return verdicts.blame(answer.code) is Blame.CARRIER
