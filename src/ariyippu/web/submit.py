"""The office's side of the hatch: hand a document in, and keep what was answered."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

from ariyippu.base import clock
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError, TransientError
from ariyippu.web.models import Submission

TIMEOUT_S = 30


def submit(envelope: Envelope, notice: bytes | None, hatch_url: str) -> dict[str, Any]:
    """What the vault answered, as hatch.py describes it.

    RefusedError with the vault's own code when it refuses; TransientError when it cannot be reached.
    """
    taken, refusal = _post(envelope, notice, hatch_url)
    Submission.objects.create(
        digest=envelope.digest,
        document_kind=envelope.payloadType,
        envelope=envelope.model_dump_json(),
        submitted_at=clock.now(),
        refused_code=None if refusal is None else refusal.code,
    )
    if refusal is not None:
        raise refusal
    return taken


def _post(envelope: Envelope, notice: bytes | None, hatch_url: str) -> tuple[dict[str, Any], RefusedError | None]:
    body = {
        "envelope": envelope.model_dump(mode="json", exclude_none=True),
        "notice": base64.b64encode(notice).decode() if notice else None,
    }
    request = urllib.request.Request(  # noqa: S310  the URL is the installation's own setting
        f"{hatch_url}/documents", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answered:  # noqa: S310
            return json.load(answered), None
    except urllib.error.HTTPError as error:
        if error.code != 422:
            raise TransientError(f"The vault's hatch answered {error.code}.") from None
        answer = json.load(error)
        return {}, RefusedError(answer["code"], answer["message"])
    except OSError:
        raise TransientError("The vault's hatch cannot be reached.") from None
