"""Nobody counts twice, whatever was delegated to whom: held against every way to fill the roles."""

import base64
import datetime as dt
from itertools import permutations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ariyippu.base.documents import Delegation, Envelope, Office, OfficerKey, Role, Roots, Trust, sign
from ariyippu.base.errors import RefusedError
from ariyippu.base.signatures import require_roles, signers

NOW = dt.datetime(2026, 2, 24, 9, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n + 1]) * 32) for n in range(6)]
PUBLIC = [base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in KEYS]
OFFICES = ("asking", "owning", "keeping")
ROLES: tuple[Role, ...] = ("requester", "register_owner", "custodian")
ANY_DOCUMENT = Roots(threshold=1, keys=(PUBLIC[0],))


@st.composite
def officers(draw: st.DrawFn) -> tuple[OfficerKey, ...]:
    """Six keys of a few people in three offices; one person may hold several, also in two offices."""
    return tuple(
        OfficerKey(
            algorithm="ed25519",
            public=public,
            person=draw(st.sampled_from(["anu", "binu", "cinu", "dinu"])),
            office=draw(st.sampled_from(OFFICES)),
            roles=tuple(draw(st.sets(st.sampled_from(ROLES)))),
            valid_from=NOW - DAY,
            valid_until=NOW + DAY,
        )
        for public in PUBLIC
    )


@st.composite
def trusts(draw: st.DrawFn) -> Trust:
    keys = draw(officers())
    possible = [
        (giver, taker, role)
        for giver in keys
        for taker in keys
        for role in giver.roles
        if giver.office == taker.office and giver.person != taker.person and role not in taker.roles
    ]
    chosen = draw(st.lists(st.sampled_from(possible), max_size=4)) if possible else []
    delegations = tuple(
        Delegation(
            from_key=giver.key_id,
            to_key=taker.key_id,
            role=role,
            valid_from=NOW - DAY,
            valid_until=NOW + draw(st.sampled_from([DAY, -DAY / 2])),
        )
        for giver, taker, role in chosen
    )
    return Trust(
        version=1,
        issued_at=NOW - DAY,
        expires_at=NOW + DAY,
        offices=tuple(Office(id=office, name_en=office, name_ml=office) for office in OFFICES),
        keys=keys,
        registers={},
        contracts=(),
        thresholds=(),
        delegations=delegations,
    )


def acts_as(key: OfficerKey, role: Role, trust: Trust) -> bool:
    """In its own right, or for a colleague who has the role."""
    lent = {d.role for d in trust.delegations if d.to_key == key.key_id and d.valid_until > NOW}
    return role in key.roles or role in lent


def can_be_filled(roles: tuple[Role, ...], signed: list[OfficerKey], trust: Trust) -> bool:
    return any(
        all(acts_as(key, role, trust) for key, role in zip(chosen, roles, strict=True))
        and len({key.person for key in chosen}) == len({key.office for key in chosen}) == len(roles)
        for chosen in permutations(signed, len(roles))
    )


@settings(max_examples=300, deadline=None)
@given(trusts(), st.sets(st.integers(0, 5)), st.lists(st.sampled_from(ROLES), min_size=1, max_size=3))
def test_roles_are_filled_exactly_by_different_people_and_offices(
    trust: Trust, who: set[int], roles: list[Role]
) -> None:
    envelope = Envelope.of(ANY_DOCUMENT)
    for number in sorted(who):
        envelope = sign(envelope, KEYS[number])
    found = signers(envelope, trust, NOW)
    signed = [trust.keys[number] for number in sorted(who)]
    try:
        require_roles(found, roles, {})
    except RefusedError:
        assert not can_be_filled(tuple(roles), signed, trust)
    else:
        assert can_be_filled(tuple(roles), signed, trust)


@settings(deadline=None)
@given(trusts())
def test_a_delegation_adds_roles_and_changes_nobody(trust: Trust) -> None:
    envelope = Envelope.of(ANY_DOCUMENT)
    for key in KEYS:
        envelope = sign(envelope, key)
    for own, acting in zip(trust.keys, signers(envelope, trust, NOW), strict=True):
        assert acting.model_copy(update={"roles": own.roles}) == own
        assert set(acting.roles) >= set(own.roles)
