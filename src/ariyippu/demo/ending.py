"""The end of the demonstration: its object, and the checks that decide the exit status."""

from typing import Any

from ariyippu.base.home import Home
from ariyippu.transparency.verify import Report

LEFT = ("accepted", "delivered", "undelivered", "unknown")


def sum_up(
    home: Home, report: dict[str, Any], log: Report, seconds: dict[str, float]
) -> tuple[dict[str, Any], list[str]]:
    """(the object that `--json` prints, what does not hold)."""
    result = {
        "registers": report["registers"],
        "candidates": report["candidates"],
        "handed_off": report["handed_off"],
        "outcomes": report["outcomes"],
        "log": {"size": log.size, "verified": not log.problems},
        "seconds": {**seconds, **report["seconds"]},
    }
    return result, [*log.problems, *_unbalanced(result)]


def _unbalanced(result: dict[str, Any]) -> list[str]:
    """Everyone who was included has exactly one outcome, and nothing is left waiting."""
    included, settled = result["candidates"].get("included", 0), sum(result["outcomes"].values())
    problems = []
    if included != settled:
        problems.append(f"{included} were included, {settled} messages have an outcome.")
    if waiting := result["outcomes"].get("waiting"):
        problems.append(f"{waiting} messages still wait.")
    return problems
