"""The end of the demonstration: its object, and the checks that decide the exit status."""

import re
from typing import Any

from ariyippu.base.home import Home
from ariyippu.demo.outside import keep
from ariyippu.transparency.verify import Report

LEFT = ("accepted", "delivered", "undelivered", "recalled")
MESSAGE_ID = re.compile(r"^Message-ID: (\S+)", re.MULTILINE)


def sum_up(
    home: Home, report: dict[str, Any], log: Report, seconds: dict[str, float]
) -> tuple[dict[str, Any], list[str]]:
    """(the object that `--json` prints, what does not hold)."""
    result = {
        "registers": report["registers"],
        "persons": report["persons"],
        "link": report["link"],
        "candidates": report["candidates"],
        "handed_off": report["handed_off"],
        "outcomes": report["outcomes"],
        "log": {"size": log.size, "verified": not log.problems},
        "seconds": {**seconds, **report["seconds"]},
    }
    return result, [*log.problems, *_unbalanced(result), *_outside_differs(home, result)]


def _outside_differs(home: Home, result: dict[str, Any]) -> list[str]:
    """What arrived outside is what was said to have left: nothing is missing, nothing came twice."""
    arrived = [found[1] for mail in keep.read_mail(home.path) if (found := MESSAGE_ID.search(mail["content"]))]
    arrived += [f"{sms['to']} {sms['text']}" for sms in keep.read_sms(home.path)]
    left = sum(result["outcomes"].get(outcome, 0) for outcome in LEFT)
    problems = []
    if len(set(arrived)) != len(arrived):
        problems.append(f"{len(arrived) - len(set(arrived))} messages arrived twice.")
    if not left <= len(arrived) <= left + result["outcomes"].get("unknown", 0):
        problems.append(f"{left} messages left, {len(arrived)} arrived.")
    return problems


def _unbalanced(result: dict[str, Any]) -> list[str]:
    """Everyone who was included has exactly one outcome, and nothing is left waiting."""
    included, settled = result["candidates"].get("included", 0), sum(result["outcomes"].values())
    problems = []
    if included != settled:
        problems.append(f"{included} were included, {settled} messages have an outcome.")
    if waiting := result["outcomes"].get("waiting"):
        problems.append(f"{waiting} messages still wait.")
    return problems
