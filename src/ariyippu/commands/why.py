"""`ariyippu why`: the reasons behind a notice, in numbers that single nobody out."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ariyippu.commands.zone import HomeOption, JsonOption, console, enter, print_json

if TYPE_CHECKING:
    from ariyippu.track.why import Explained


def show(
    notice: Annotated[str, typer.Argument(help="The notice's id.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why people were told of a notice and others were not: counts by reason, in tens, of each of its orders."""
    enter("vault", home)
    from ariyippu.track import why

    found = why.of_notice(notice)
    if as_json:
        print_json({"notice": notice, "orders": [asdict(one) for one in found]})
        return
    for one in found:
        for line in _lines(one):
            console.print(line, soft_wrap=True)


def _lines(one: "Explained") -> Iterator[str]:
    from django.utils.translation import override

    from ariyippu.web.register.words import REASONS

    yield f"{one.order}: {one.state}, decided {one.decided_at or 'not yet'}"
    with override("en"):
        for when, counts in (("", one.decided), ("held back later, ", one.held_back)):
            for reason, count in counts.items():
                yield f"  {count or '< 10':>10}  {when}{reason}: {REASONS.get(reason, 'Told')}"
    if one.recalled is not None:
        yield f"  {one.recalled or '< 10':>10}  recalled: a stay came before the message had arrived"
    if one.rules:
        yield f"  rules in force: {', '.join(one.rules)}"
