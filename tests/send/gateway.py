"""A Mobile Seva gateway of a test's own: it checks the form and its key as the interface says, and keeps what came.

What it answers hangs on the number's or the template's last digits, or is scripted (`replies`).
"""

import contextlib
import hashlib
import http.server
import re
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field

ACCOUNT = ("ariyippu", "a pass word", "a-secure-key")  # username, password, secure key
TEMPLATE = "1007000000000000001"
BAD_TEMPLATE = "1007000000000000630"
PATH = "/esms/sendsmsrequestDLT"
FIELDS = {"username", "password", "senderid", "content", "smsservicetype", "mobileno", "key", "templateid"}
ENTITY = re.compile(r"(?:&#[0-9]{1,5};)+")


@dataclass
class Gateway:
    """What arrived, and what is answered next instead of the usual; a status of 0 closes the connection."""

    arrived: list[tuple[str, str]] = field(default_factory=list)  # (number, text)
    kinds: list[str] = field(default_factory=list)
    replies: list[tuple[int, str]] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, octets: bytes) -> tuple[int, str]:
        with self.lock:
            if self.replies:
                return self.replies.pop(0)
            if path != PATH:
                return 404, "<html>not here</html>"
            form = dict(urllib.parse.parse_qsl(octets.decode("ascii"), strict_parsing=True))
            return 200, self._judged(form)

    def _judged(self, form: dict[str, str]) -> str:
        username, password, secure_key = ACCOUNT
        if set(form) != FIELDS or form["username"] != username:
            return "401"
        if form["password"] != hashlib.sha1(password.encode()).hexdigest():  # noqa: S324
            return "401,wrong"
        parts = (form["username"], form["senderid"], form["content"], secure_key)
        if form["key"] != hashlib.sha512("".join(part.strip() for part in parts).encode()).hexdigest():
            return "416"
        if form["templateid"] == BAD_TEMPLATE:
            return "630"
        if not re.fullmatch(r"91[0-9]{10}", form["mobileno"]) or form["mobileno"].endswith("0000"):
            return "406"
        self.kinds.append(form["smsservicetype"])
        self.arrived.append((form["mobileno"], read(form["content"])))
        return f"402,MsgID = 1506201614660{len(self.arrived):08d}msdgsms"


def url(port: int) -> str:
    return f"mobileseva+http://{ACCOUNT[0]}:{urllib.parse.quote(ACCOUNT[1])}@127.0.0.1:{port}{PATH}"


def read(content: str) -> str:
    """The text that a phone would show."""
    if not ENTITY.fullmatch(content):
        assert content.isascii()
        return content
    units = [int(number) for number in re.findall(r"&#([0-9]+);", content)]
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")


@contextlib.contextmanager
def serving(gateway: Gateway, port: int = 0) -> Iterator[int]:
    """Its port on 127.0.0.1, with connections that are kept alive."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            gateway.connections.add(self.client_address)
            octets = self.rfile.read(int(self.headers["Content-Length"]))
            status, text = gateway.answer(self.path, octets)
            if status == 0:
                self.close_connection = True
                return
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
