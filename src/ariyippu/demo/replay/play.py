"""Playing the replay from its installation to its account, and what must hold at the end."""

from collections.abc import Iterator
from contextlib import ExitStack

from psycopg.conninfo import make_conninfo

from ariyippu import flow
from ariyippu.base import install
from ariyippu.base.home import Home
from ariyippu.demo import cast
from ariyippu.demo.outside import keep
from ariyippu.demo.replay import clock, setting
from ariyippu.demo.replay.account import Account
from ariyippu.demo.replay.kerala_2026 import Story
from ariyippu.demo.replay.stage import Stage
from ariyippu.grant import purposes
from ariyippu.ingest.seal import record_tokens
from ariyippu.notice import orders
from ariyippu.notice.models import OrderRow
from ariyippu.policy import audience
from ariyippu.policy.models import AudienceRow
from ariyippu.transparency.verify import verify


def play(home: Home) -> Account:
    """The whole story on an installation that setting.install_at() has made, in a process that is its vault."""
    people = cast.assemble(home.path / "officers")
    home.roots.write_text(people.roots.model_dump_json())
    owner = make_conninfo(home.owner_url_file.read_text(), dbname=install.role("vault"))
    with ExitStack() as stack:
        story_clock = stack.enter_context(clock.turned(owner))
        stage = Stage(stack.enter_context(flow.opened(home)), people, story_clock)
        account = Story(stage).tell()
        _check(account, stage)
    return account


def _check(account: Account, stage: Stage) -> None:
    """The log verifies from its files; what arrived outside is what was said to have left; judges were left alone."""
    log_key, witness_key = flow.verifier_keys(stage.home)
    flow.publish(stage.vault)
    report = verify(stage.home.log, log_key=log_key, witness_keys=[witness_key], roots=stage.cast.roots)
    arrived = sum(1 for _ in keep.read_mail(stage.home.path)) + sum(1 for _ in keep.read_sms(stage.home.path))
    judges = list(_to_judges(stage))
    account.sums = {
        "messages sent": stage.left(),
        "messages arrived outside": arrived,
        "refusals in the public log": report.kinds["refusal"] + report.kinds["request-refused"],
        "entries in the public log": report.size,
        "messages to judges about their own salary": sum(count for own, count in judges if own),
        "messages to judges about anything else": sum(count for own, count in judges if not own),
    }
    account.problems = [*report.problems]
    if stage.left() != arrived:
        account.problems.append("What arrived outside is not what was said to have left.")


def _to_judges(stage: Stage) -> Iterator[tuple[bool, int]]:
    """Of each decided order: whether it is about an own entitlement, and how many judges it includes."""
    keys = setting.records_of_judges(stage.files)
    tokens = {register: set(record_tokens(register, keys[register], stage.vault.keyring)) for register in keys}
    for frozen in AudienceRow.objects.all():
        order = orders.document(OrderRow.objects.get(digest=frozen.order))
        rows = audience.read(stage.home, stage.vault.keyring, frozen).to_pylist()
        judges = tokens.get(order.register, set())
        included = sum(row["reason"] == "included" and row["record"] in judges for row in rows)
        yield purposes.get(order.purpose).own_entitlement, included
