"""The office's side of the hatch's /messages: it passes a token on and can read nothing in it."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from ariyippu.base import home
from ariyippu.base.errors import TransientError

TIMEOUT_S = 15


def ask(token: str) -> Mapping[str, Any] | None:
    """{"order", "purpose"} of the message, or None when the token is no message's. TransientError: no answer now."""
    return _ask(urllib.request.Request(_url(token)))  # noqa: S310  the URL is the installation's own


def why(token: str) -> Mapping[str, Any] | None:
    """Why its holder got the message, with proofs: transparency/own.py. None and TransientError as `ask`."""
    return _ask(urllib.request.Request(f"{_url(token)}/why"))  # noqa: S310


def act(token: str, wish: str) -> Mapping[str, Any] | None:
    """As `ask`, after the vault did what was wished: it is durable when this returns."""
    body = json.dumps({"wish": wish}).encode()
    return _ask(urllib.request.Request(_url(token), body, {"Content-Type": "application/json"}))  # noqa: S310


def _url(token: str) -> str:
    return f"http://127.0.0.1:{home.current().settings.hatch_port}/messages/{token}"


def _ask(request: urllib.request.Request) -> Mapping[str, Any] | None:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            found: Mapping[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise TransientError(f"The vault's hatch answered {error.code}.") from None
        return None
    except (OSError, ValueError):
        raise TransientError("The vault's hatch cannot be reached.") from None
