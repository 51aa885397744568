"""How fast SMS leave: messages/s through the SMPP carrier alone, to an SMS centre that only counts.

Malayalam texts of one segment and of three, in turn, made beforehand and handed off in windows as a worker
does; the centre (bare_smsc.py) is a process of its own, for it shares no interpreter with the carrier.
Timed is from the first message taken to the last answer: segments, PDUs, the socket, responses, answers.

`bare_loop` writes PDUs that were made beforehand, with the same number unanswered at once, and counts the
octets that come back: the limit.
"""

import contextlib
import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

from ariyippu.base.errors import PermanentError
from ariyippu.base.home import CarrierSettings
from ariyippu.bench import Measured, peak_mib, rate
from ariyippu.bench.bare_smsc import HOST, READ_BYTES, RESPONSE_BYTES
from ariyippu.notice.segments import encode
from ariyippu.send.carriers import SmsMessage, Verdict, open_carrier, pdu
from ariyippu.send.carriers.pdu import Command

MESSAGES = 100_000
ENTITY, TEMPLATE = "1101234567890123456", "1107123456789012345"
ONE = "താങ്കളുടെ കുടിശ്ശിക ₹{} അനുവദിച്ചു. - കേരള സർക്കാർ"
THREE = (
    "പ്രിയ ജീവനക്കാരേ, താങ്കളുടെ ക്ഷാമബത്ത കുടിശ്ശികയായ ₹{} അനുവദിച്ച് ഉത്തരവായിരിക്കുന്നു. തുക പ്രോവിഡന്റ് "
    "ഫണ്ട് അക്കൗണ്ടിൽ വരവു വെക്കും. വിവരങ്ങൾക്ക് ഓഫീസുമായി ബന്ധപ്പെടുക. - കേരള സർക്കാർ"
)


def measure(rows: int | None) -> Measured:
    """`rows` messages; facts are those of one segment alone, and of three alone, in messages/s."""
    count = rows or MESSAGES
    with _centre() as port:
        settings = CarrierSettings(url=f"smpp://bench:bench@{HOST}:{port}", sender="KLGOVT", dlt_entity=ENTITY)
        value = _carrier(settings, _messages(count, (ONE, THREE)))
        peak = peak_mib()
        facts = {
            "one_segment": round(_carrier(settings, _messages(count, (ONE,)))),
            "three_segments": round(_carrier(settings, _messages(count, (THREE,)))),
        }
        baselines = {"bare_loop": _bare_loop(port, _messages(count, (ONE, THREE)), settings)}
        return Measured(value, "messages/s", count, baselines, peak, facts)


@contextlib.contextmanager
def _centre() -> Iterator[int]:
    command = [sys.executable, "-m", "ariyippu.bench.bare_smsc"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        if running.stdin is None or running.stdout is None:
            raise RuntimeError("both are pipes")
        yield int(running.stdout.readline())
        running.stdin.close()


def _messages(count: int, texts: Sequence[str]) -> list[SmsMessage]:
    """To telephones that cannot ring, each with an amount of its own."""
    return [
        SmsMessage(position, f"+910{position:09d}", text.format(10_000 + position % 90_000), TEMPLATE)
        for position, text in zip(range(count), itertools.cycle(texts), strict=False)
    ]


def _carrier(settings: CarrierSettings, messages: Sequence[SmsMessage]) -> float:
    """Messages/s, binding and leave-taking not counted."""
    carrier = open_carrier(settings)
    list(carrier.hand_off(iter([])))  # connects
    size = settings.window_messages  # of one hand-off, as a worker has it

    def hand_off() -> None:
        for start in range(0, len(messages), size):
            answers = list(carrier.hand_off(iter(messages[start : start + size])))
            if any(answer.verdict is not Verdict.ACCEPTED for answer in answers):
                raise PermanentError("The SMS centre does not take everything.")

    try:
        return rate(len(messages), hand_off)
    finally:
        carrier.close()


def _bare_loop(port: int, messages: Sequence[SmsMessage], settings: CarrierSettings) -> float:
    submits = list(_submits(messages, settings.sender))
    with socket.create_connection((HOST, port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def run() -> None:
            written = answered = octets = 0
            while answered < len(submits):
                room = min(answered + settings.window_messages, len(submits))
                client.sendall(b"".join(submits[written:room]))
                written = room
                octets += len(client.recv(READ_BYTES))
                answered = octets // RESPONSE_BYTES

        return rate(len(messages), run)


def _submits(messages: Sequence[SmsMessage], sender: str) -> Iterator[bytes]:
    """Each part's submit_sm, whole."""
    sequences = itertools.count(1)
    tlvs = {pdu.TLV_DLT_ENTITY: ENTITY.encode("ascii"), pdu.TLV_DLT_TEMPLATE: TEMPLATE.encode("ascii")}
    for message in messages:
        parts = encode(message.text).parts
        for number, payload in enumerate(parts, 1):
            header = bytes([5, 0, 3, message.position % 256, len(parts), number]) if len(parts) > 1 else b""
            body = pdu.ShortMessage(
                source=sender,
                destination=message.to.removeprefix("+"),
                esm_class=pdu.ESM_UDH if header else 0,
                registered_delivery=int(number == len(parts)),
                data_coding=pdu.CODING_UCS2,
                payload=header + payload,
                tlvs=tlvs,
                validity=pdu.relative(message.valid_s),
            )
            yield pdu.pack(Command.SUBMIT_SM, 0, next(sequences), pdu.pack_message(body))
