import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base import merkle

LEAVES = [merkle.leaf_hash(b"entry %d" % i) for i in range(70)]
LOOKUP = merkle.of_leaves(LEAVES)

sizes = st.integers(1, len(LEAVES))


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def flipped(value: bytes, bit: int) -> bytes:
    bit %= len(value) * 8
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_known_hashes() -> None:
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_root_is_that_of_the_rfc() -> None:
    for size in range(len(LEAVES) + 1):
        assert merkle.root(size, LOOKUP) == plain_root(LEAVES[:size])


@given(size=sizes, index=st.integers(0, 69), bit=st.integers(0, 2**16))
def test_inclusion_proofs_verify_and_no_bit_can_be_flipped(size: int, index: int, bit: int) -> None:
    index %= size
    proof, root = merkle.inclusion_proof(index, size, LOOKUP), merkle.root(size, LOOKUP)
    assert merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
    assert not merkle.verify_inclusion(flipped(LEAVES[index], bit), index, size, proof, root)
    assert not merkle.verify_inclusion(LEAVES[index], index, size, proof, flipped(root, bit))
    assert not merkle.verify_inclusion(LEAVES[index], index, size, [*proof, root], root)
    assert not merkle.verify_inclusion(LEAVES[index], size, size, proof, root)
    for place, part in enumerate(proof):
        broken = [*proof[:place], flipped(part, bit), *proof[place + 1 :]]
        assert not merkle.verify_inclusion(LEAVES[index], index, size, broken, root)
        assert not merkle.verify_inclusion(LEAVES[index], index, size, proof[:place] + proof[place + 1 :], root)


@given(sizes=st.tuples(sizes, sizes).map(sorted), bit=st.integers(0, 2**16))
def test_consistency_proofs_verify_and_no_bit_can_be_flipped(sizes: list[int], bit: int) -> None:
    old_size, new_size = sizes
    old, new = merkle.root(old_size, LOOKUP), merkle.root(new_size, LOOKUP)
    proof = merkle.consistency_proof(old_size, new_size, LOOKUP)
    assert merkle.verify_consistency((old_size, old), (new_size, new), proof)
    assert not merkle.verify_consistency((old_size, flipped(old, bit)), (new_size, new), proof)
    assert not merkle.verify_consistency((old_size, old), (new_size, flipped(new, bit)), proof)
    assert not merkle.verify_consistency((old_size, old), (new_size, new), [*proof, new])
    for place, part in enumerate(proof):
        broken = [*proof[:place], flipped(part, bit), *proof[place + 1 :]]
        assert not merkle.verify_consistency((old_size, old), (new_size, new), broken)
        assert not merkle.verify_consistency((old_size, old), (new_size, new), proof[:place] + proof[place + 1 :])


def test_consistency_from_nothing_has_an_empty_proof() -> None:
    empty, some = (0, merkle.EMPTY_ROOT), (7, merkle.root(7, LOOKUP))
    assert merkle.consistency_proof(0, 7, LOOKUP) == []
    assert merkle.verify_consistency(empty, some, [])
    assert merkle.verify_consistency(empty, empty, [])
    assert not merkle.verify_consistency(empty, some, [some[1]])
    assert not merkle.verify_consistency(some, empty, [])
    assert not merkle.verify_consistency(empty, (0, some[1]), [])


def test_proofs_outside_the_tree_are_bugs() -> None:
    with pytest.raises(ValueError, match="outside"):
        merkle.inclusion_proof(3, 3, LOOKUP)
    with pytest.raises(ValueError, match="above"):
        merkle.consistency_proof(4, 3, LOOKUP)
