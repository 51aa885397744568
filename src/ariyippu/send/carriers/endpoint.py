"""A carrier's URL, taken apart: `smtp+starttls://name:password@relay.example:587`; only Mobile Seva's has a path."""

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Literal

from ariyippu.base.errors import RefusedError

Scheme = Literal["smtp", "smtps", "smtp+starttls", "smpp", "smpps", "mobileseva+https", "mobileseva+http"]

DEFAULT_PORTS: dict[Scheme, int] = {
    "smtp": 25,
    "smtps": 465,
    "smtp+starttls": 587,
    "smpp": 2775,
    "smpps": 3550,
    "mobileseva+https": 443,
    "mobileseva+http": 80,
}
_PATH = re.compile(r"/[A-Za-z0-9/._~-]{1,200}")


@dataclass(frozen=True)
class Endpoint:
    """Where a carrier connects, and as whom. Name and password are percent-decoded."""

    scheme: Scheme
    host: str
    port: int
    name: str = ""
    password: str = field(default="", repr=False)
    path: str = ""

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse(url: str) -> Endpoint:
    """RefusedError `carrier.bad_url`; the message does not quote the URL, which may hold a password."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError:
        raise RefusedError("carrier.bad_url", "The carrier's URL cannot be read.") from None
    if parts.scheme not in DEFAULT_PORTS:
        known = ", ".join(DEFAULT_PORTS)
        raise RefusedError("carrier.bad_url", f"The carrier's URL must begin with one of: {known}.")
    scheme = parts.scheme
    has_path = scheme.startswith("mobileseva+")
    fits = _PATH.fullmatch(parts.path) if has_path else not parts.path.strip("/")
    if not parts.hostname or not fits or parts.query or parts.fragment:
        path = "/path" if has_path else ""
        raise RefusedError("carrier.bad_url", f"The carrier's URL must be scheme://name:password@host:port{path}.")
    return Endpoint(
        scheme=scheme,
        host=parts.hostname,
        port=port or DEFAULT_PORTS[scheme],
        name=urllib.parse.unquote(parts.username or ""),
        password=urllib.parse.unquote(parts.password or ""),
        path=parts.path if has_path else "",
    )
