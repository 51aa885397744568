"""The certificate of a stay: exact counts, the log's own entries, and proofs that anyone can check."""

import base64
import hashlib
import json
import string
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base import merkle
from ariyippu.policy.documents import Amendment, Scope, Stay
from ariyippu.track.models import StoppedRow
from ariyippu.transparency import certificate_text
from ariyippu.transparency.certificate import certificate
from ariyippu.transparency.note import Checkpoint, Note
from tests.refusals import refused
from tests.world import World, build, people


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    return build(tmp_path, people(25))


def published(world: World) -> None:
    flow.turn(world.vault)
    flow.publish(world.vault)


def amended(world: World, stay: Stay, leave: tuple[str, ...]) -> None:
    values = {"id": f"{stay.id}-1", "stay": stay.digest(), "number": 1, "reference": "IA 1", "ends_at": None}
    world.submit(
        Amendment.model_validate({**values, "scope": stay.scope, "leave": leave}), ["court", "owner", "custodian"]
    )


@pytest.fixture
def found(world: World) -> dict[str, Any]:
    """Of a stay over one order, with leave for another, lifted in the end."""
    row = world.sending()
    stay = world.stay(scope=Scope(register="spark"))
    world.stay("another", scope=Scope(office="publicity"))
    published(world)
    amended(world, stay, ("a" * 64,))
    published(world)
    world.lift(stay)
    published(world)
    assert StoppedRow.objects.filter(order=row.digest).count() == 2
    return certificate(stay.id, world.home)


def test_it_says_what_was_stopped_and_when(found: dict[str, Any]) -> None:
    first, second = found["terms"]
    assert first["orders"] == second["orders"]
    (order,) = first["orders"]
    assert (order["order"], order["handed_off"], order["in_hand"], order["waiting"]) == (
        "da-arrears-granted-1",
        0,
        0,
        25,
    )
    assert first["until"] == second["from"]
    assert second["until"] == found["lifted_at"]
    assert (first["leave"], second["leave"]) == ([], ["a" * 64])


def test_its_entries_are_the_log_s_and_each_is_proved(found: dict[str, Any]) -> None:
    head = Checkpoint.parse(Note.parse(found["checkpoint"].encode()).text)
    assert [entry["kind"] for entry in found["entries"]] == ["stay", "stopped", "amendment", "stopped", "lift"]
    for entry in found["entries"]:
        leaf = merkle.leaf_hash(entry["entry"].encode())
        proof = [bytes.fromhex(node) for node in entry["proof"]]
        assert merkle.verify_inclusion(leaf, entry["index"], head.size, proof, head.root)
    placed = json.loads(found["entries"][0]["entry"])["body"]["envelope"]["payload"]
    assert hashlib.sha256(base64.b64decode(placed)).hexdigest() == found["digest"]


def test_the_public_counts_are_rounded(found: dict[str, Any]) -> None:
    (order,) = json.loads(found["entries"][1]["entry"])["body"]["orders"]
    assert order["waiting"] == 30


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Order da-arrears-granted-1: 0 messages had left before; 0 were in hand; 25 stopped."),
        ("ml", "ഉത്തരവ് da-arrears-granted-1: അതിനുമുൻപ് പോയ സന്ദേശങ്ങൾ 0; കൈമാറുകയായിരുന്നവ 0; തടഞ്ഞത് 25."),
    ],
)
def test_it_reads_in_both_languages(found: dict[str, Any], language: certificate_text.Language, said: str) -> None:
    text = certificate_text.text(found, language)
    assert text.count(said) == 2
    assert found["checkpoint"].rstrip("\n") in text
    assert '{"register":"spark"}' in text
    paper = {**found, "paper": {"title": "Order", "sha256": "5" * 64}, "lifted_at": None}
    without = {**found["terms"][0], "orders": [], "until": None}
    words = certificate_text.WORDS[language]
    text = certificate_text.text({**paper, "terms": [without]}, language)
    assert words["unconfirmed"] in text
    assert words["none"] in text
    assert words["open"] in text


def test_both_languages_say_the_same_things() -> None:
    english, malayalam = certificate_text.WORDS["en"], certificate_text.WORDS["ml"]
    assert set(english) == set(malayalam)
    for key, text in english.items():
        assert fields(text) == fields(malayalam[key])


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_one_that_nobody_knows_or_that_is_not_counted_yet_is_refused(world: World) -> None:
    with refused("stay.unknown"):
        certificate("nothing", world.home)
    stay = world.stay()
    with refused("stay.not_certified"):
        certificate(stay.id, world.home)
    flow.publish(world.vault)
    with refused("stay.not_certified"):
        certificate(stay.id, world.home)
