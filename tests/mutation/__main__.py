"""The command; see the package's text. The status is 1 when fewer than 90 % were killed."""

import argparse
import itertools
import random
import sys
from collections.abc import Mapping, Sequence

from tests.mutation import trials
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trials import SOURCE, Seen

LEAST = 0.9
TESTS = {
    "grant": ("tests/grant", trials.OF_VALUES),
    "policy": (
        "tests/policy",
        "tests/send/test_once.py",  # who was told at another register is asked at the hand-off
        "tests/send/test_held_back.py",
        "tests/send/test_borrowed.py",  # whose contacts another register lends
        "tests/send/test_inbox.py",  # who has consented to the page of their own
        "tests/notice/test_standing.py",  # a period's ceilings hold for its triggers together
        "--deselect=tests/policy/test_decide.py::test_the_engines_agree_about_many_people",  # slow; a few do
    ),
}
WITHOUT_RULES = {"__init__.py", "models.py"}
MODULES = tuple(
    f"{stage}/{file.name}"
    for stage in TESTS
    for file in sorted((SOURCE / stage).glob("*.py"))
    if file.name not in WITHOUT_RULES
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutation testing.")
    parser.add_argument("--each", type=int, default=12, help="So many mutants of each module; 0: all.")
    parser.add_argument("--seed", type=int, default=1, help="Of the chance by which they are chosen.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="Of these alone, e.g. policy/decide.py.")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.modules) - set(MODULES)):
        parser.error(f"{unknown[0]} is none of {', '.join(MODULES)}.")
    killed = made = 0
    with trials.one_home():
        for stage, tests in TESTS.items():
            modules = [module for module in asked.modules or MODULES if module.startswith(f"{stage}/")]
            covered = trials.seen(modules, tests) if modules else {}
            for module in modules:
                chosen = _chosen(module, asked)
                survivors = [mutant for mutant in chosen if not _is_killed(mutant, covered)]
                made, killed = made + len(chosen), killed + len(chosen) - len(survivors)
                _say(f"{module}: {len(chosen) - len(survivors)} of {len(chosen)} killed")
                for mutant in survivors:
                    _say(f"  survived: {mutant}")
    _say(f"{killed} of {made} mutants killed: {100 * killed / max(made, 1):.1f} % (seed {asked.seed})")
    return 0 if killed >= LEAST * made else 1


def _chosen(module: str, asked: argparse.Namespace) -> list[Mutant]:
    source = _source(module)
    found = mutants(module, source)
    random.Random(f"{asked.seed} {module}").shuffle(found)  # noqa: S311
    real = (mutant for mutant in found if _is_python(mutant.of(source)))
    return sorted(itertools.islice(real, asked.each or None), key=lambda mutant: (mutant.line, str(mutant)))


def _source(module: str) -> str:
    return (SOURCE / module).read_text("utf-8")


def _is_python(text: str) -> bool:
    """Not where the `*` of arguments was taken for a product: what cannot be imported is noticed for nothing."""
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _is_killed(mutant: Mutant, tests: Mapping[str, Seen]) -> bool:
    source = _source(mutant.module)
    covering = trials.covering(mutant, source, tests)
    return trials.is_killed(mutant, mutant.of(source), covering, sum(tests[name].seconds for name in covering))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
