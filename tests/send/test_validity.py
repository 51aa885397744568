"""How long a provider may try: a day, not past the order's end, and not into a stay that is placed ahead."""

import datetime as dt
from pathlib import Path

import pytest

from ariyippu.base import clock
from ariyippu.demo.outside.run import Outside, running
from ariyippu.demo.outside.smsc import SWITCHED_OFF
from ariyippu.policy.documents import Scope, Stay
from ariyippu.send.carriers import Arrival, Carrier, Receipt, SmsMessage
from ariyippu.send.carriers.answers import MAX_VALID_S
from ariyippu.send.open import Door
from tests.offices import now
from tests.send.by_hand import take
from tests.send.test_carriers import eventually
from tests.send.test_carriers_smpp import carrier_to
from tests.world import World, build, people

HOUR = dt.timedelta(hours=1)
SOON_S = 60  # what the test itself may take


def valid_s(world: World) -> int:
    (message,) = Door(world.home, world.vault.keyring).open(take(world)).messages
    assert isinstance(message, SmsMessage)
    return message.valid_s


def receipts(carrier: Carrier) -> set[tuple[str, str]]:
    """What the next receipts say, once there are some."""
    found: list[Arrival] = []

    def came() -> bool:
        found.extend(carrier.receipts())
        return bool(found)

    eventually(came)
    return {(one.provider_id, one.state) for one in found if isinstance(one, Receipt)}


@pytest.mark.parametrize(
    ("ends", "scope", "valid"),
    [
        (48 * HOUR, Scope(channel="email"), MAX_VALID_S),
        (5 * HOUR, Scope(channel="email"), 5 * 3600),
        (5 * HOUR, Scope(restraint=True), 5 * 3600),  # arrears flow in an election
        (48 * HOUR, Scope(register="spark"), 3 * 3600),
        (48 * HOUR, Scope(districts=("KOLLAM",)), 3 * 3600),  # some people's stay counts for all
    ],
)
def test_a_message_is_valid_until_it_could_not_be_handed_off(
    clean_vault: None, tmp_path: Path, ends: dt.timedelta, scope: Scope, valid: int
) -> None:
    world = build(tmp_path, people(1, email=""))
    ahead = Stay(id="ahead", office="court", reference="WP 1", scope=scope, starts_at=now() + 3 * HOUR, ends_at=None)
    world.submit(ahead, ["court"])
    world.sending(not_after=now() + ends)
    assert valid - SOON_S <= valid_s(world) <= valid


def test_the_sms_centre_gives_up_when_a_message_s_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Outside(tmp_path)) as (_smtp, smpp):
        carrier = carrier_to(smpp)
        numbers = (f"+{SWITCHED_OFF}001", "+910000000002")
        off, on = carrier.hand_off(iter([SmsMessage(at, to, "x", None, 600) for at, to in enumerate(numbers)]))
        assert receipts(carrier) == {(on.provider_id, "delivered")}
        present = clock.now
        monkeypatch.setattr(clock, "now", lambda: present() + dt.timedelta(seconds=601))
        assert receipts(carrier) == {(off.provider_id, "expired")}
