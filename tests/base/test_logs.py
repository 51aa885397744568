"""Log lines: our own messages stand in them, nobody else's do."""

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ariyippu.base import logs
from ariyippu.base.errors import RefusedError, TransientError

SECRET = "0471 555 0000"

UNCAUGHT = """
from ariyippu.base import logs
logs.configure()
def fail(value):
    try:
        int(value)
    except ValueError as error:
        raise KeyError(value) from error
{}
"""  # the traceback's frames hold the value too


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


@given(st.text(min_size=8), st.sampled_from([ValueError, KeyError, OSError, RuntimeError, UnicodeError]))
def test_a_foreign_message_is_never_shown(text: str, kind: type[Exception]) -> None:
    secret = f"§{text}§"  # a mark that no path and no type's name has
    lines = logs.places(raised(kind(secret), raised(kind(secret))))
    assert "§" not in json.dumps(lines, ensure_ascii=False)
    assert lines[0] == kind.__qualname__
    assert "caused by" in lines


def test_our_own_message_is_shown_with_its_places() -> None:
    lines = logs.places(raised(RefusedError("order.unknown", "There is no order 'a'.")))
    assert lines[0] == "RefusedError: There is no order 'a'. [order.unknown]"
    assert lines[1].endswith(" raised")


def test_a_suppressed_context_is_left_out_and_an_unsuppressed_one_shown_without_values() -> None:
    def later(*, suppress: bool) -> None:
        try:
            int(SECRET)
        except ValueError as error:
            raise TransientError("Later.") from (None if suppress else error)

    with pytest.raises(TransientError) as suppressed:
        later(suppress=True)
    assert "caused by" not in logs.places(suppressed.value)
    with pytest.raises(TransientError) as unsuppressed:
        later(suppress=False)
    shown = logs.places(unsuppressed.value)
    assert "ValueError" in shown
    assert SECRET not in " ".join(shown)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, with the configuration of a zone's process."""
    out = io.StringIO()
    before = (sys.stderr, sys.excepthook, threading.excepthook, logging.root.handlers[:], logging.root.level)
    configured = structlog.get_config()
    sys.stderr = out
    try:
        logs.configure()
        yield out
    finally:
        sys.stderr, sys.excepthook, threading.excepthook, logging.root.handlers[:], _level = before
        structlog.configure(**configured)


def test_the_standard_library_s_records_keep_template_and_place_only(written: io.StringIO) -> None:
    try:
        int(SECRET)
    except ValueError:
        logging.getLogger("some.library").exception("number %s", SECRET)
    logging.getLogger("some.library").error(f"already formatted {SECRET}")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["template"] for line in lines] == ["number %s", ""]
    assert lines[0]["exception"][0] == "ValueError"
    assert SECRET not in written.getvalue()


def test_structlog_s_exceptions_keep_places_only(written: io.StringIO) -> None:
    try:
        int(SECRET)
    except ValueError:
        structlog.get_logger().exception("failed")
    line = json.loads(written.getvalue())
    assert line["exception"][0] == "ValueError"
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize(
    "call",
    [
        f"fail({SECRET!r})",
        f"import threading; t = threading.Thread(target=fail, args=({SECRET!r},)); t.start(); t.join()",
    ],
)
def test_an_uncaught_exception_is_one_line_without_values(call: str) -> None:
    done = subprocess.run([sys.executable, "-c", UNCAUGHT.format(call)], capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["exception"][0] == "KeyError"
    assert SECRET not in done.stderr
