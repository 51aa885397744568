"""Why did I get this: a chain that its holder can check without the vault, and nobody else can ask for."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ariyippu import flow
from ariyippu.base import merkle
from ariyippu.send.models import Batch
from ariyippu.send.tokens import MessageTokens, Use
from ariyippu.track import sent, why
from ariyippu.transparency import own
from ariyippu.transparency.note import Checkpoint, Note
from tests.refusals import refused
from tests.registers import Registers, Row
from tests.world import PURPOSE, Person, World, build, people

COUNT = 24


@pytest.fixture
def world(clean_vault: None, tmp_path: Path) -> World:
    return build(tmp_path, [Person(1, status="DECEASED"), *people(COUNT)[1:]])


def tokens(world: World, batch: Batch, use: Use = "link") -> list[str]:
    records, _contacts = sent.rows(batch, world.home, world.vault.keyring)
    return MessageTokens.of(world.vault.keyring, use).make(batch.pk, batch.order, records)


def the_batch() -> Batch:
    return Batch.objects.select_related("file").get()


def chain(world: World, token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(own.of_message(token, world.home, world.vault.keyring)))
    return found


def test_the_chain_names_every_link(world: World) -> None:
    world.sending()
    found = chain(world, tokens(world, the_batch())[0])
    contact, notice = found["contact"], found["notice"]
    assert found["register"] == contact["register"] == "spark"
    assert (contact["channel"], contact["borrowed"], contact["snapshot"]) == ("email", False, world.snapshot)
    assert contact["collected_for"] == "ariyippu:salary-and-benefit"
    assert (notice["purpose"], notice["legal_basis"]["kind"]) == (PURPOSE, "law")
    assert notice["use_request"] == world.grant.digest()
    assert [one["office"] for one in found["order"]["signed_by"]] == ["pay-section", "pay-register", "data-centre"]
    assert found["decision"]["rules"] == ["cert-in-2022", "govt-advertising"]


def test_whoever_holds_it_can_check_it(world: World) -> None:
    row = world.sending()
    flow.publish(world.vault)
    for token in tokens(world, the_batch())[:3]:
        found = chain(world, token)
        decided = found["decision"]
        leaf = bytes.fromhex(decided["salt"] + found["record"]) + decided["reason"].encode()
        path = [bytes.fromhex(node) for node in decided["proof"]]
        root = bytes.fromhex(decided["root"])
        assert merkle.verify_inclusion(merkle.leaf_hash(leaf), decided["index"], decided["size"], path, root)
        checkpoint = Checkpoint.parse(Note.parse(found["checkpoint"].encode()).text)
        for entry in found["entries"]:
            proof = [bytes.fromhex(node) for node in entry["proof"]]
            hashed = merkle.leaf_hash(entry["entry"].encode())
            assert merkle.verify_inclusion(hashed, entry["index"], checkpoint.size, proof, checkpoint.root)
        order, audience = (json.loads(entry["entry"])["body"] for entry in found["entries"])
        assert (audience["order"], audience["root"]) == (row.digest, decided["root"])
        payload = base64.b64decode(order["envelope"]["payload"])
        assert hashlib.sha256(payload).hexdigest() == found["order"]["digest"] == row.digest


def test_a_borrowed_contact_is_told_as_one(world: World) -> None:
    registers = Registers(world, COUNT)
    registers.add("land", [Row(1, email=""), *(Row(n) for n in range(2, 11))])
    registers.link({"anu": [("spark", 5), ("land", 1)]})
    world.turn_until(registers.order("land", ["spark"]), "sending")
    (token,) = tokens(world, Batch.objects.select_related("file").get(contact_of="spark"))
    found = chain(world, token)
    assert found["register"] == "land"
    assert (found["contact"]["register"], found["contact"]["borrowed"]) == ("spark", True)


def test_only_a_message_s_own_link_asks(world: World) -> None:
    world.sending()
    for token in (*tokens(world, the_batch(), "receipt")[:2], "a" * 26, "", "100001"):
        assert own.of_message(token, world.home, world.vault.keyring) is None


def test_a_key_that_is_named_no_more_is_told_by_its_id(world: World) -> None:
    world.sending()
    trust = world.offices.trust(version=2)
    world.new_trust(version=2, keys=tuple(key for key in trust.keys if key.person != "owner"))
    signed = chain(world, tokens(world, the_batch())[0])["order"]["signed_by"]
    assert [one["office"] for one in signed] == ["pay-section", None, "data-centre"]
    assert all(len(one["key"]) == 64 for one in signed)


def test_counts_by_reason_are_in_tens(world: World) -> None:
    world.sending()
    (told,) = why.of_notice("da-arrears-granted")
    assert told.order == "da-arrears-granted-1"
    assert told.decided == {"included": 20, "deceased": 0}  # of 23, and of one
    assert told.held_back == {}
    assert told.rules == ("cert-in-2022", "govt-advertising")
    with refused("notice.unknown"):
        why.of_notice("another")
