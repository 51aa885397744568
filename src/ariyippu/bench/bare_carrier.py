"""Our SMTP carrier alone: the same mail, again and again, in windows as a worker hands them off.

    python -m ariyippu.bench.bare_carrier PORT MESSAGES CONNECTIONS < MAIL

It prints `+` when it is ready for the mail.
"""

import sys

from ariyippu.base.home import CarrierSettings
from ariyippu.bench.bare_smtp import HOST, RECIPIENT, SENDER
from ariyippu.send.carriers import EmailMessage, Verdict, open_carrier


def send(port: int, messages: int, connections: int, mail: bytes) -> None:
    """Hand `mail` off so many times."""
    settings = CarrierSettings(url=f"smtp://{HOST}:{port}", sender=SENDER, connections=connections)
    carrier, size = open_carrier(settings), settings.window_messages * connections
    for start in range(0, messages, size):
        positions = range(start, min(start + size, messages))
        window = (EmailMessage(position, RECIPIENT, mail, dotted=False) for position in positions)
        if any(answer.verdict is not Verdict.ACCEPTED for answer in carrier.hand_off(window)):
            raise SystemExit("The mail server does not take everything.")
    carrier.close()


if __name__ == "__main__":
    sys.stdout.write("+")
    sys.stdout.flush()
    port, messages, connections = map(int, sys.argv[1:])
    send(port, messages, connections, sys.stdin.buffer.read())
