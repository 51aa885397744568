"""Afterwards somebody asks why: for a notice, in numbers; for one message, its whole chain, which is then checked."""

import re
from typing import Any

from ariyippu.base import merkle
from ariyippu.base.errors import PermanentError
from ariyippu.demo.outside import keep
from ariyippu.demo.replay.stage import Stage
from ariyippu.send.tokens import PATTERN
from ariyippu.track import why
from ariyippu.transparency import own

_LINK = re.compile(rf"/m/({PATTERN})")


def of_notice(notice: str) -> str:
    """The reasons behind its orders, as `ariyippu why` tells them: in tens."""
    (order,) = why.of_notice(notice)
    return ", ".join(f"{reason} {count or '< 10'}" for reason, count in order.decided.items())


def of_first_mail(stage: Stage) -> str:
    """The chain behind the first e-mail that arrived, by the link that stands in it.

    PermanentError when the decision's proof does not lead to the root that the log holds.
    """
    mail = next(keep.read_mail(stage.home.path))
    link = _LINK.search(mail["content"])
    chain = own.of_message(link[1], stage.home, stage.vault.keyring) if link else None
    if chain is None or not _is_proved(chain):
        raise PermanentError("A message that arrived cannot say why it did.")
    contact, notice, signed_by = chain["contact"], chain["notice"], chain["order"]["signed_by"]
    return (
        f"{chain['register']}'s {contact['channel']}, given for {contact['collected_for']}; {notice['purpose']}; "
        f"signed by {len(signed_by)} offices; {chain['decision']['reason']}, with its proof"
    )


def _is_proved(chain: dict[str, Any]) -> bool:
    decided = chain["decision"]
    leaf = merkle.leaf_hash(bytes.fromhex(decided["salt"] + chain["record"]) + decided["reason"].encode())
    path = [bytes.fromhex(node) for node in decided["proof"]]
    return merkle.verify_inclusion(leaf, decided["index"], decided["size"], path, bytes.fromhex(decided["root"]))
