"""The Merkle tree of the log: roots, proofs and their verification (RFC 6962 2.1, RFC 9162 2.1). Pure.

Whatever is computed here needs only hashes of complete subtrees, which a `Lookup` gives: a list of leaf
hashes (`of_leaves`) or the log's tiles (tree.py). A subtree of level h covers 2**h leaves.
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Lookup = Callable[[int, int], bytes]
"""(level, index) -> the hash of the complete subtree over leaves [index << level, (index + 1) << level)."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def of_leaves(leaves: Sequence[bytes]) -> Lookup:
    """A lookup over leaf hashes that are all in memory; it hashes every complete subtree once."""
    levels = [list(leaves)]
    while len(below := levels[-1]) > 1:
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return lambda level, index: levels[level][index]


def root(size: int, lookup: Lookup) -> bytes:
    """The root of the tree over the first `size` leaves."""
    return _range_hash(0, size, lookup) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, lookup: Lookup) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root, lowest first (RFC 6962 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("the index is outside the tree")
    low, high, proof = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_range_hash(middle, high, lookup))
            high = middle
        else:
            proof.append(_range_hash(low, middle, lookup))
            low = middle
    return proof[::-1]


def consistency_proof(old_size: int, new_size: int, lookup: Lookup) -> list[bytes]:
    """The hashes that show the first tree to be a prefix of the second (RFC 6962 2.1.2).

    Empty from size 0, and between equal sizes.
    """
    if not 0 <= old_size <= new_size:
        raise ValueError("the old size is above the new one")
    if old_size in (0, new_size):
        return []
    low, high, proof = 0, new_size, []
    while high != old_size:  # the subtree [low, high) still reaches beyond the old tree
        middle = low + _split(high - low)
        if old_size <= middle:
            proof.append(_range_hash(middle, high, lookup))
            high = middle
        else:
            proof.append(_range_hash(low, middle, lookup))
            low = middle
    if low > 0:  # the verifier knows the old root itself, but not a subtree at its right edge
        proof.append(_range_hash(low, high, lookup))
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Whether `leaf` (a leaf hash) stands at `index` in the tree (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for part in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(part, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, part)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root_hash


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the tree `old` (size, root) is a prefix of the tree `new` (RFC 9162 2.1.4.2).

    From size 0 the proof is empty (C2SP tlog-witness), and an empty tree has the empty root.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if old_size > new_size or (new_size == 0 and new_root != EMPTY_ROOT):
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if old_size == new_size:
        return not proof and old_root == new_root
    # An old tree that is one complete subtree is the proof's first hash and is left out of it.
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        return False
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    found_old = found_new = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            found_old, found_new = node_hash(part, found_old), node_hash(part, found_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found_new = node_hash(found_new, part)
        node, last = node >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def _range_hash(low: int, high: int, lookup: Lookup) -> bytes:
    """The hash over leaves [low, high), a range that RFC 6962's splitting leads to."""
    size = high - low
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return lookup(level, low >> level)
    middle = low + _split(size)
    return node_hash(_range_hash(low, middle, lookup), _range_hash(middle, high, lookup))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
