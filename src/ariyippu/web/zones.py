"""The two processes of an installation, each with its HTTP face: the vault's hatch, the office's pages."""

import signal
import threading

from django.core.wsgi import get_wsgi_application

from ariyippu.base.home import Home
from ariyippu.web import server


def serve_vault(home: Home) -> None:
    """Run the vault until SIGTERM or SIGINT: the hatch in a thread, the stages in this one."""
    from ariyippu import flow  # noqa: PLC0415  the office has none of the vault's apps
    from ariyippu.send import metrics  # noqa: PLC0415
    from ariyippu.track import bills, listener  # noqa: PLC0415

    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: ending.set())
    with flow.opened(home) as vault, listener.listening(home, vault.keyring), metrics.served(home, bills.gauges):
        hatch = server.make_server(get_wsgi_application(), home.settings.hatch_port)
        hatch.prepare()
        listening = threading.Thread(target=hatch.serve, name="hatch", daemon=True)
        listening.start()
        try:
            flow.run(vault, ending)
        finally:
            hatch.stop()


def serve_office(home: Home) -> None:
    """Run the office until SIGTERM or SIGINT."""
    server.serve(get_wsgi_application(), home.settings.office_port)
