"""SMS centres to hand off to: the demo's own, and one that others wrote (tests/send/centre)."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ariyippu.demo.outside.keep import PHONES
from ariyippu.demo.outside.run import Outside, running

ACCOUNT = "demo:demo"
_SCRIPT = Path(__file__).parent / "centre" / "centre.js"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
_PACKAGES = _CACHE / "ariyippu" / "centre" / "node_modules"
_USABLE = shutil.which("node") is not None and (_PACKAGES / "smpp").exists()

OURS, THEIRS = "the demo's centre", "node-smpp"


@contextlib.contextmanager
def serving(whose: str, folder: Path, port: int = 0, **faults: int) -> Iterator[int]:
    """One of them, on this port or any; what it takes is read with `read_sms(folder)`. Faults: those of centre.js."""
    if whose == OURS:
        with running(Outside(folder, 0, port)) as (_smtp, smpp):
            yield smpp
        return
    if not _USABLE:
        if os.environ.get("CI") == "true":
            pytest.fail("node or its package smpp is missing")
        pytest.skip("needs node and its package smpp (scripts/test-needs.sh)")
    (folder / PHONES).parent.mkdir(parents=True, exist_ok=True)
    command = ["node", str(_SCRIPT), str(port), str(folder / PHONES), ACCOUNT, json.dumps(faults)]
    environment = {**os.environ, "NODE_PATH": str(_PACKAGES)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as running_one:
        assert running_one.stdin is not None
        assert running_one.stdout is not None
        yield int(running_one.stdout.readline())
        running_one.stdin.close()
