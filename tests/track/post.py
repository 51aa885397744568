"""A world whose bounce address listens, and the messages that it would have sent."""

import contextlib
import smtplib
import socket
from collections.abc import Iterator

from ariyippu.send.carriers import EmailMessage
from ariyippu.send.lease import Lease
from ariyippu.send.open import Door
from ariyippu.track import listener
from tests.send.by_hand import take
from tests.world import World

ADDRESS = "bounces@back.ariyippu.example"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def listening(world: World, port: int | None = None) -> Iterator[int]:
    """The world's own listener, on a port that its settings name from now on."""
    port = port or free_port()
    settings = world.home.path / "settings.toml"
    text = settings.read_text().replace("[carriers.email]", f'[carriers.email]\nbounces = "{ADDRESS}"')
    settings.write_text(f"bounces_port = {port}\n{text}")
    world.home.__dict__.pop("settings", None)
    with listener.listening(world.home, world.vault.keyring) as found:
        assert found == port
        yield port


def messages(world: World) -> tuple[Lease, list[EmailMessage]]:
    """The e-mails of the next batch, as they leave."""
    held = take(world)
    opened = Door(world.home, world.vault.keyring).open(held)
    return held, [message for message in opened.messages if isinstance(message, EmailMessage)]


def deliver(port: int, to: str, octets: bytes) -> tuple[int, str]:
    """Hand a mail in as a mail server does; the last reply."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo()
        client.mail("")
        code, text = client.rcpt(to)
        if code == 250:
            code, text = client.data(octets)
        return code, text.decode()
