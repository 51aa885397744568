"""`ariyippu purposes`: the published taxonomy, as a tree for the terminal or as the page docs/purposes.md."""

import sys
from collections.abc import Iterator
from typing import Annotated, Literal

import typer

from ariyippu.grant import legal, purposes
from ariyippu.grant.purposes import Purpose

FLAGS = ("own_entitlement", "flows_in_restraint", "by_subscription", "emergency")


def show(
    language: Annotated[Literal["ml", "en"], typer.Option(help="The language of the names.")] = "en",
    markdown: Annotated[bool, typer.Option("--markdown", help="docs/purposes.md, in both languages.")] = False,
) -> None:
    """Print the taxonomy of purposes: what a contact may be used for stands at or below what it was given for."""
    lines = _markdown() if markdown else (_line(depth, purpose, language) for depth, purpose in purposes.tree())
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _line(depth: int, purpose: Purpose, language: str) -> str:
    flags = [flag for flag in FLAGS if getattr(purpose, flag)] + ([] if purpose.satisfiable else ["never"])
    said = f"  [{', '.join(flags)}]" if flags else ""
    return f"{'  ' * depth}{purpose.id}  {purpose.ml if language == 'ml' else purpose.en}{said}"


def _markdown() -> Iterator[str]:
    yield "# Purposes"
    yield ""
    yield "Made by `ariyippu purposes --markdown` from `grant/purposes.toml` and `grant/rules.toml`; a test keeps"
    yield "it true. A contact may be used for what it was collected for and for what stands below that. `dpv:` terms"
    yield "are of the [Data Privacy Vocabulary 2.3](https://w3id.org/dpv); `ariyippu:` terms are our own, where it has"
    yield "none."
    yield ""
    for depth, purpose in purposes.tree():
        marks = [flag.replace("_", " ") for flag in FLAGS if getattr(purpose, flag)]
        basis = "nothing permits it" if not purpose.satisfiable else ", ".join(sorted(purposes.bases(purpose.id)))
        yield f"{'  ' * depth}- `{purpose.id}` {purpose.en} · {purpose.ml} ({'; '.join([basis, *marks])})"
    law = legal.law()
    yield from (
        "",
        "## Rules, and since when they are in force",
        "",
        "| rule | asks | in force from |",
        "| --- | --- | --- |",
    )
    for rule in law.rules.values():
        yield f"| {rule.law}, {rule.clause} | {rule.en} | {rule.in_force_from} |"
    yield from (
        "",
        "## Clauses of section 7, DPDP Act 2023",
        "",
        "| clause | permits | in force from |",
        "| --- | --- | --- |",
    )
    for clause in law.clauses.values():
        needs = " (with the reference and date of its notification)" if clause.needs_notification else ""
        yield f"| {clause.id} | {clause.en}{needs} | {clause.in_force_from} |"
