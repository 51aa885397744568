"""What goes to a carrier and what comes back from one. The consumer, send/worker.py, declares it here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from ariyippu.send.inbox import Letter

MAX_VALID_S = 24 * 3600


class Verdict(StrEnum):
    """What a carrier says of one message."""

    ACCEPTED = "accepted"  # the provider has taken charge of it
    TRANSIENT = "transient"  # surely not accepted; another attempt may succeed
    PERMANENT = "permanent"  # surely not accepted; no attempt will succeed
    UNKNOWN = "unknown"  # it may or may not have been accepted: never send it again blindly


class EmailMessage(NamedTuple):
    """One e-mail. Its repr shows nothing of the person."""

    position: int  # place in its batch
    to: str  # an address, without a display name
    content: bytes  # the whole RFC 5322 message, 8bit UTF-8, not dot-stuffed; render.compose saw to its CRLFs
    return_path: str | None = None  # where its bounces go; None: to the carrier's sender
    dotted: bool = True  # whether a line of it may begin with a dot: looking for one is dear

    def __repr__(self) -> str:
        return f"EmailMessage(position={self.position})"


@dataclass(frozen=True, slots=True, repr=False)
class SmsMessage:
    """One SMS of any length. Its repr shows nothing of the person."""

    position: int  # place in its batch
    to: str  # E.164: +91…
    text: str
    dlt_template: str | None  # the registered template's id
    valid_s: int = MAX_VALID_S  # for so long the provider may try; then it must not arrive any more


@dataclass(frozen=True, slots=True, repr=False)
class InboxMessage:
    """A letter for a person's own page, sealed already."""

    position: int  # place in its batch
    batch: int
    letter: Letter

    @property
    def to(self) -> str:
        """No destination."""
        return ""


Message = EmailMessage | SmsMessage | InboxMessage


class Answer(NamedTuple):
    """What became of one message at the hand-off.

    `code` is the provider's own code ("250 2.0.0", "ESME_RTHROTTLED") or one of ours ("local.…"), at most
    40 characters. The provider's text never leaves the carrier: it may quote an address.
    """

    position: int
    verdict: Verdict
    code: str
    provider_id: str | None = None  # [A-Za-z0-9-]{1,64}
    segments: int | None = None  # of an SMS: what the provider charges for
    part_ids: tuple[str, ...] = ()  # further ids under which the provider took parts of it


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's final word about an accepted message, by the id that it gave when it accepted."""

    provider_id: str
    state: Literal["delivered", "undelivered", "expired", "rejected", "deleted", "unknown"]
    code: str


@dataclass(frozen=True, slots=True, repr=False)
class Stop:
    """Somebody answered STOP from this number, as the provider writes it. Its repr shows nothing of the person."""

    number: str


Arrival = Receipt | Stop


class Carrier(Protocol):
    """One connection to one provider, made on first use and again after a break. For one thread."""

    def hand_off(self, messages: Iterator[Message]) -> Iterator[Answer]:
        """Hand messages off; one answer for each message taken from the iterator, as they complete.

        A message is taken only when its bytes are about to be written, so the iterator is the place to
        ask for stays; it may end at any message. The carrier itself stops taking when the connection
        breaks, and TAKE_S seconds after it began. After a break, what was taken and has no answer is
        UNKNOWN if any of its bytes that could make a delivery may have arrived, else TRANSIENT.

        Raises, always before the first message is taken: TransientError when no connection can be made,
        RefusedError ("carrier.…") when a person must change credentials, certificates or the provider.
        """
        ...

    def receipts(self) -> list[Arrival]:
        """The receipts, and who answered STOP, that came since the last call; without waiting for any.

        Calling again says that those of the last call are kept: only then are they confirmed to the
        provider, which otherwise repeats them.
        """
        ...

    def close(self) -> None:
        """Take leave of the provider. Never raises for a broken connection."""
        ...


CANCELLED = "ESME_ROK"  # the one code with which a carrier says that it cancelled a message


@runtime_checkable
class Recalling(Carrier, Protocol):
    """A carrier that can be asked to cancel what it accepted and has not delivered. The others cannot."""

    def recall(self, provider_ids: Sequence[str]) -> dict[str, str]:
        """Ask it to cancel these; its code for each id about which it gave a final word: CANCELLED, or why not.

        Asking twice about one does no harm, though the second answer may be that there is nothing to cancel.
        Raises as hand_off does, before the first is asked about.
        """
        ...


# A worker's lease lasts 60 s: hand_off must have answered everything well before it ends.
CONNECT_S = 10.0  # for each step of connecting
TAKE_S = 20.0  # no message is taken later than this after hand_off began
WAIT_S = 15.0  # for the provider's next reply

PROVIDER_ID = r"[A-Za-z0-9-]{1,64}"


class BrokenError(Exception):
    """The connection ended, went silent or no longer makes sense. Never leaves a carrier."""
