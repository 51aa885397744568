"""What the holder of a message can say from its own link, without signing in.

    stop        no more notices for this purpose: an objection
    not-mine    it is for somebody else: the contact point is suspended
    this-way    tell me first on the channel of this message: a preference

The token in the link is the authority (send/tokens.py): only who has the message has it. Looking at what a
link leads to keeps nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ariyippu.base.home import Home
from ariyippu.base.keys import Keyring
from ariyippu.policy import objections, preferences, suspensions
from ariyippu.track import sent
from ariyippu.track.sent import Sent

Wish = Literal["stop", "not-mine", "this-way"]
WISHES: Mapping[str, Wish] = {wish: wish for wish in get_args(Wish)}


@dataclass(frozen=True)
class Linked:
    """What a link's page shows: public facts about the order, nothing about the person."""

    order: str
    purpose: str


def look(token: str, home: Home, keyring: Keyring) -> Linked | None:
    """What the link of this token is about, or None when it is no message's."""
    message = sent.find(token, "link", home, keyring)
    return Linked(message.order.id, message.order.purpose) if message else None


def act(token: str, wish: Wish, home: Home, keyring: Keyring) -> Linked | None:
    """Do what the holder asked for, once however often it is asked; None when the token is no message's."""
    message = sent.find(token, "link", home, keyring)
    if message is None:
        return None
    if wish == "stop":
        object_to(message)
    elif wish == "this-way":
        preferences.record(message.order.register, [message.record], message.channel)
    else:
        suspensions.suspend([message.contact], "not_mine")
    return Linked(message.order.id, message.order.purpose)


def object_to(message: Sent) -> None:
    """The record's person objects to the purpose of this message, and to what stands below it."""
    order = message.order
    objections.record_objections(order.register, [message.record], order.purpose)
