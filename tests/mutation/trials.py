"""Tries mutants: one installed home for all of them, and for each a fork of this process that runs tests on it.

Nothing of `policy` and `grant` but their models is imported before the fork, so the fork imports the mutant. Django,
PostgreSQL and the libraries are there already: they are most of what a run of pytest costs.

Which tests: those that execute the statement, seen once in modules that say so; for what runs on import (constants,
signatures), those that execute anything of the module, and those of values. The module's own tests first,
then its stage's, the quickest first, until one fails or MOST_TESTS passed.
"""

import ast
import builtins
import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any, TypeVar

import duckdb  # noqa: F401  this and the next: so that no fork has to
import pyarrow.parquet.encryption  # noqa: F401
import pytest
from django.db import connections
from hypothesis import settings

from ariyippu.base import home as homes
from tests import conftest
from tests.mutation.mutants import Mutant

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "ariyippu"
T = TypeVar("T")
SEEN_S = 1_800
PATIENCE_S = 60  # beside ten times what the tests took before: a mutant that makes them run for ever is killed
MOST_TESTS = 200
OF_VALUES = "tests/policy/test_values.py"  # of both stages
ALWAYS = ("-q", "-x", "-p", "no:cacheprovider", f"--rootdir={ROOT}")


@dataclass(frozen=True)
class Seen:
    """What one test executes of the modules, as (module, line of a statement), and how long it took."""

    lines: frozenset[tuple[str, int]]
    seconds: float


@contextlib.contextmanager
def one_home() -> Iterator[None]:
    """For the block that tries mutants: what each process of tests else makes for itself."""
    nothing_asked: Any = SimpleNamespace(option=SimpleNamespace(help=False), getoption=lambda *_: None)
    makes, removes = conftest.pytest_configure, conftest.pytest_unconfigure
    makes(nothing_asked)
    connections.close_all()
    settings.register_profile("mutants", deadline=None, derandomize=True, database=None)
    settings.load_profile("mutants")
    gc.freeze()  # what is here by now is no fork's garbage
    conftest.pytest_configure = conftest.pytest_unconfigure = lambda: None  # type: ignore[assignment]
    try:
        yield
    finally:
        removes()


def seen(modules: Sequence[str], tests: Sequence[str]) -> dict[str, Seen]:
    """What each of the tests executes of the modules, by the test's name. SystemExit when one of them fails."""

    def act() -> tuple[int, dict[str, Seen]]:
        watch = _Watch()
        builtins.__seen__ = watch.sees  # type: ignore[attr-defined]
        for module in modules:
            tree = _Telling(module).visit(ast.parse((SOURCE / module).read_text("utf-8")))
            sys.meta_path.insert(0, _Finder(module, ast.fix_missing_locations(tree)))
        return _tests(tests, watch), watch.found

    found = _forked(act, SEEN_S)
    if found is None or found[0] != 0:
        raise SystemExit("The tests fail, or take for ever, before anything is mutated.")
    return found[1]


def covering(mutant: Mutant, source: str, tests: Mapping[str, Seen]) -> list[str]:
    """The tests that execute what is mutated, as the module's text says, in that order."""
    line = _statement(ast.parse(source), mutant.line)
    stage, _, file = mutant.module.partition("/")

    def order(name: str) -> tuple[bool, bool, float]:
        own = f"tests/{stage}/"
        first = name.startswith((f"{own}test_{file}", OF_VALUES))
        return not first, not name.startswith(own), tests[name].seconds

    def executes(name: str) -> bool:
        if line is None and name.startswith(OF_VALUES):
            return True
        return any(module == mutant.module and line in (None, at) for module, at in tests[name].lines)

    return sorted(filter(executes, tests), key=order)[:MOST_TESTS]


def is_killed(mutant: Mutant, text: str, tests: Sequence[str], seconds: float) -> bool:
    """Whether one of the tests, which take so many seconds when nothing is mutated, fails on the module's `text`."""
    if not tests:
        return False

    def act() -> int:
        sys.meta_path.insert(0, _Finder(mutant.module, text))
        return _tests(tests)

    status = _forked(act, 10 * seconds + PATIENCE_S)
    if status is None:
        conftest.empty(conftest.owner(homes.current()))
    return status != 0


def _statement(tree: ast.Module, line: int) -> int | None:
    """Where the innermost statement there begins, a decorator being its function's; None for what runs on import."""
    found, inside = None, False
    for node in ast.walk(tree):  # the outer ones first
        if isinstance(node, ast.FunctionDef) and line in [decorator.lineno for decorator in node.decorator_list]:
            return node.body[0].lineno
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                inside, found = isinstance(node, ast.FunctionDef) and line >= node.body[0].lineno, None
            elif inside:
                found = node.lineno
    return found


def _tests(names: Sequence[str], *plugins: object) -> int:
    return int(pytest.main([*ALWAYS, *names], plugins=plugins))


def _forked(act: Callable[[], T], timeout_s: float) -> T | None:
    """What the act returns in a process of its own; None when it takes longer, or dies."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)

    def run() -> None:
        os.setsid()  # so that what it starts ends with it
        silent = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(silent, descriptor)
        sender.send(act())

    process = fork.Process(target=run)
    process.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(timeout_s) else None
    except EOFError:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()


class _Watch:
    """A plugin of pytest that hears which statements each test executes."""

    def __init__(self) -> None:
        self.found: dict[str, Seen] = {}
        self._lines = set[tuple[str, int]]()

    def sees(self, module: str, line: int) -> None:
        self._lines.add((module, line))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._lines, began = set(), time.perf_counter()
        try:
            return (yield)
        finally:
            self.found[item.nodeid] = Seen(frozenset(self._lines), time.perf_counter() - began)


class _Telling(ast.NodeTransformer):
    """A module whose functions tell `__seen__` each statement before it runs."""

    def __init__(self, module: str) -> None:
        self._module = module

    def visit_FunctionDef(self, function: ast.FunctionDef) -> ast.FunctionDef:
        for block in ast.walk(function):
            for part in ("body", "orelse", "finalbody"):
                if isinstance(statements := getattr(block, part, None), list):
                    setattr(block, part, [both for one in statements for both in (self._tells(one), one)])
        return function

    def _tells(self, statement: ast.stmt) -> ast.stmt:
        where: list[ast.expr] = [ast.Constant(self._module), ast.Constant(statement.lineno)]
        return ast.Expr(ast.Call(ast.Name("__seen__", ast.Load()), where, []))


class _Finder:
    """Finds one module, whose text is another than its file's."""

    def __init__(self, module: str, text: str | ast.Module) -> None:
        self._name = f"ariyippu.{module.removesuffix('.py').replace('/', '.')}"
        self._file = SOURCE / module
        self._text = text

    def find_spec(self, name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        return spec_from_file_location(name, self._file, loader=_Loader(name, self._file, self._text))


class _Loader(SourceFileLoader):
    def __init__(self, name: str, file: Path, text: str | ast.Module) -> None:
        super().__init__(name, str(file))
        self._text = text

    def get_code(self, _name: str) -> CodeType:
        return compile(self._text, self.path, "exec", dont_inherit=True)
