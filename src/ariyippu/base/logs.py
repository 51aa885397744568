"""Structured logs without personal data: one JSON object a line, on standard error.

A traceback is shown as places in the code and the exception's type. Its message is left out unless it
is one of our own (base/errors.py), because messages of libraries and of PostgreSQL quote values.
"""

import logging
import sys
import threading
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog

from ariyippu.base.errors import AriyippuError


def configure() -> None:
    """Send structlog, the standard library's logging and uncaught exceptions through the same rule."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _replace_exception,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = _Handler()
    handler.setLevel(logging.WARNING)
    logging.basicConfig(handlers=[handler], force=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    # What fails while an object is collected, e.g. a carrier's generator that nobody finished.
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def places(error: BaseException) -> list[str]:
    """`type`, then `file:line function` for each frame, outermost first; causes follow. No values."""
    lines = [f"{type(error).__qualname__}: {error}" if isinstance(error, AriyippuError) else type(error).__qualname__]
    lines += [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines if cause is None else [*lines, "caused by", *places(cause)]


class _Handler(logging.Handler):
    """The standard library's records: logger, level and template; never the arguments, which hold values."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name, "template": str(record.msg)[:200] if record.args else ""}
        if record.exc_info and record.exc_info[1]:
            fields["exception"] = places(record.exc_info[1])
        structlog.get_logger().log(record.levelno, "library", **fields)


def _replace_exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, BaseException):
        event["exception"] = places(error)
    return event


def _uncaught(kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt) or error is None:
        return
    structlog.get_logger().critical("uncaught", exception=places(error))
