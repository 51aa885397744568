"""The hatch: the vault's only door for other processes. Documents and people's wishes in; rounded counts out.

    POST /documents   {"envelope": {…}, "notice": base64 or null}  -> 202 {"digest"}, or 422 {"code", "message"}
                      a counting question's answer comes with it: "answer": {"records": in tens or null, "withheld"}
    GET  /progress    what the office may know of its orders: states and rounded counts
    …    /messages    what a message's holder asks for from its link: links.py
    POST /receipts    a provider's receipts: callbacks.py

A document speaks for itself (its signatures are checked), so the hatch knows no sessions. It listens on
127.0.0.1; between hosts it belongs behind mutual TLS.
"""

import base64
import json
from dataclasses import asdict

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from ariyippu import flow
from ariyippu.base import home
from ariyippu.base.documents import Envelope
from ariyippu.base.errors import RefusedError
from ariyippu.base.text import rounded
from ariyippu.notice.models import OrderRow
from ariyippu.track import settle
from ariyippu.web import callbacks, links

MAX_BODY_BYTES = 256 * 1024


@csrf_exempt  # no cookie is read here: a forged post carries no signature
@require_POST
def documents(request: HttpRequest) -> JsonResponse:
    """Take one document, or say why not."""
    try:
        envelope, notice = _read(request)
        answer = flow.receive(envelope, notice, home.current())
    except RefusedError as refusal:
        return JsonResponse({"code": refusal.code, "message": refusal.message}, status=422)
    taken = {"digest": envelope.digest}
    return JsonResponse(taken if answer is None else {**taken, "answer": asdict(answer)}, status=202)


@require_GET
def progress(_request: HttpRequest) -> JsonResponse:
    """{"orders": [{"order", "state", "outcomes": {channel: {outcome: rounded}}}]}."""
    rows = OrderRow.objects.order_by("accepted_at")
    found = [{"order": row.order_id, "state": row.state, "outcomes": _outcomes(row)} for row in rows]
    return JsonResponse({"orders": found})


def _outcomes(row: OrderRow) -> dict[str, dict[str, int]]:
    exact = settle.outcomes(row.digest)
    return {channel: {name: rounded(n) for name, n in counts.items()} for channel, counts in exact.items()}


def _read(request: HttpRequest) -> tuple[Envelope, bytes]:
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
        raise RefusedError("hatch.too_long", f"At most {MAX_BODY_BYTES} bytes.")
    try:
        body = json.loads(request.body)
        envelope = Envelope.parse(json.dumps(body["envelope"]))
        notice = base64.b64decode(body.get("notice") or "", validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # deep nesting is the last
        raise RefusedError("hatch.malformed", 'Send {"envelope": …, "notice": base64 or null}.') from None
    return envelope, notice


urlpatterns = [path("documents", documents), path("progress", progress), *links.urlpatterns, *callbacks.urlpatterns]
