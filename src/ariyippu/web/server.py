"""The HTTP server of a zone: cheroot on the loopback address, behind the installation's own web server."""

import logging
import signal
import threading
from types import FrameType
from wsgiref.types import WSGIApplication

import structlog
from cheroot import wsgi

THREADS = 8
QUEUED_REQUESTS = 64
TIMEOUT_S = 10
MAX_HEADER_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024


class _Server(wsgi.Server):
    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Instead of cheroot's own, which prints errors with their messages: those may quote what was sent."""
        structlog.get_logger().warning("http_server", exc_info=traceback)


def serve(zone_app: WSGIApplication, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT, then let running requests end (5 s at most).

    OSError when the port is taken. Call it from the main thread: it takes the two signals.
    """
    server = make_server(zone_app, port)
    server.prepare()  # the port is bound when this returns
    stopping = threading.Thread(target=server.stop)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if stopping.ident is None:
            stopping.start()  # it waits for the requests: not within a signal handler

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve()
    stopping.join()


def make_server(app: WSGIApplication, port: int) -> wsgi.Server:
    """A bounded server that is not started yet and tells nobody which software it is."""
    server = _Server(
        ("127.0.0.1", port),
        app,
        numthreads=THREADS,
        max=THREADS,
        request_queue_size=QUEUED_REQUESTS,
        accepted_queue_size=QUEUED_REQUESTS,
        timeout=TIMEOUT_S,
    )
    server.server_name = ""
    server.max_request_header_size = MAX_HEADER_BYTES
    server.max_request_body_size = MAX_BODY_BYTES
    return server
