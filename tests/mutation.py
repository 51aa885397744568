"""Mutation testing of `policy` and `grant`: do their tests notice when a line says something else?

    python -m tests.mutation              every mutant; a night's work
    python -m tests.mutation --sample 10  so many of each module, chosen by a fixed seed

Each mutant (cosmic-ray) is made in a copy of the tree, and the tests named beside its module are run on it. Survivors
are listed; the status is 1 when fewer than 90 % were killed. A mutant that makes tests run for ever is killed, too.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkItem, WorkResult

ROOT = Path(__file__).parents[1]
LEAST = 0.9
TIMEOUT_S = 300
DECISION = (
    "tests/policy/test_decide.py --deselect tests/policy/test_decide.py::test_the_engines_agree_about_many_people"
)
STAYS = "tests/policy/test_stays.py tests/policy/test_amendments.py tests/policy/test_scopes.py"
GRANT = "tests/grant"
TESTS = {  # module -> the tests that have to notice
    "policy/reference.py": f"{DECISION} tests/policy/test_travel.py",
    "policy/decide.py": DECISION,
    "policy/travel.py": "tests/policy/test_travel.py",
    "policy/freshness.py": "tests/policy/test_people.py",
    "policy/caps.py": "tests/policy/test_people.py",
    "policy/linked.py": "tests/policy/test_linked.py tests/policy/test_people.py",
    "policy/objections.py": "tests/policy/test_linked.py tests/policy/test_people.py tests/policy/test_audience.py",
    "policy/suspensions.py": "tests/policy/test_suspensions.py tests/policy/test_people.py",
    "policy/audience.py": "tests/policy/test_audience.py tests/policy/test_people.py tests/policy/test_linked.py",
    "policy/limits.py": "tests/policy/test_limits.py",
    "policy/spans.py": STAYS,
    "policy/stays.py": STAYS,
    "policy/quorum.py": STAYS,
    "policy/accept.py": STAYS,
    "policy/documents.py": STAYS,
    "grant/purposes.py": GRANT,
    "grant/legal.py": GRANT,
    "grant/thresholds.py": GRANT,
    "grant/accept.py": GRANT,
    "grant/trust.py": GRANT,
    "grant/documents.py": GRANT,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of policy and grant.")
    parser.add_argument("--sample", type=int, help="So many mutants of each module at most.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="Of these alone, e.g. policy/decide.py.")
    asked = parser.parse_args(arguments)
    killed = made = 0
    with tempfile.TemporaryDirectory(prefix="ariyippu-mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "var", "*_cache", ".hypothesis"))
        tree.parent.chmod(0o755)
        for module in asked.modules or TESTS:
            results = list(_tried(module, tree, asked.sample))
            survivors = [place for place, is_killed in results if not is_killed]
            made, killed = made + len(results), killed + len(results) - len(survivors)
            _say(f"{module}: {len(results) - len(survivors)} of {len(results)} killed")
            for place in survivors:
                _say(f"  survived: {place}")
    _say(f"{killed} of {made} mutants killed: {100 * killed / max(made, 1):.1f} %")
    return 0 if killed >= LEAST * made else 1


def _tried(module: str, tree: Path, sample: int | None) -> Iterator[tuple[str, bool]]:
    """Where each mutant of a module is, with what was done to it, and whether its tests noticed."""
    config, session = tree.parent / "mutants.toml", tree.parent / f"{module.replace('/', '-')}.sqlite"
    command = f"{sys.executable} -m pytest -q -x -p no:cacheprovider {TESTS[module]}"
    config.write_text(
        f"""[cosmic-ray]
module-path = "src/ariyippu/{module}"
timeout = {TIMEOUT_S}
excluded-modules = []
test-command = "{command}"
[cosmic-ray.distributor]
name = "local"
"""
    )
    _run(tree, "init", str(config), str(session))
    with use_db(str(session), mode=WorkDB.Mode.open) as database:
        _leave_out(database, sample)
    _run(tree, "exec", str(config), str(session))
    with use_db(str(session), mode=WorkDB.Mode.open) as database:
        items = {item.job_id: item for item in database.work_items}
        for job, result in database.results:
            if result.worker_outcome != WorkerOutcome.SKIPPED:
                yield _place(items[job]), result.is_killed


def _leave_out(database: WorkDB, sample: int | None) -> None:
    items = sorted(database.work_items, key=_place)
    dice = random.Random(1)  # noqa: S311  the same ones each time
    chosen = items if sample is None else dice.sample(items, min(sample, len(items)))
    kept = {item.job_id for item in chosen}
    for item in items:
        if item.job_id not in kept:
            database.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def _place(item: WorkItem) -> str:
    one = item.mutations[0]
    return f"{one.module_path}:{one.start_pos[0]} {one.operator_name} {one.occurrence} {one.operator_args}"


def _run(tree: Path, verb: str, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    subprocess.run(["cosmic-ray", verb, *arguments], cwd=tree, env=environment, check=True)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
