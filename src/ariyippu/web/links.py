"""The hatch's part for messages' own pages: what a link is about, and what its holder asks for.

    GET  /messages/TOKEN                        -> 200 {"order", "purpose"}, or 404
    POST /messages/TOKEN  {"wish": "stop"}      -> the same; done when it is answered
                          {"wish": "not-mine"}
                          {"wish": "this-way"}
    GET  /messages/TOKEN/why                    -> 200 the whole chain (transparency/own.py), 404, or 422 {"code"}

The token is the authority. What is answered are public facts, and why, for the one who has it; looking keeps nothing.
"""

import json

from django.http import HttpRequest, JsonResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from ariyippu.base import home, keys
from ariyippu.base.errors import RefusedError
from ariyippu.send.tokens import PATTERN
from ariyippu.track import links
from ariyippu.transparency import own


@csrf_exempt  # no cookie is read here: a forged post carries no token
@require_http_methods(["GET", "POST"])
def message(request: HttpRequest, token: str) -> JsonResponse:
    here = home.current()
    keyring = keys.load(here.keyring)
    if request.method == "GET":
        linked = links.look(token, here, keyring)
    else:
        wish = _wish(request)
        if wish is None:
            return JsonResponse({"code": "link.malformed"}, status=422)
        linked = links.act(token, wish, here, keyring)
    if linked is None:
        return JsonResponse({"code": "link.unknown"}, status=404)
    return JsonResponse({"order": linked.order, "purpose": linked.purpose})


@require_GET
def why(_request: HttpRequest, token: str) -> JsonResponse:
    here = home.current()
    try:
        chain = own.of_message(token, here, keys.load(here.keyring))
    except RefusedError as refusal:
        return JsonResponse({"code": refusal.code}, status=422)
    return JsonResponse({"code": "link.unknown"}, status=404) if chain is None else JsonResponse(chain)


def _wish(request: HttpRequest) -> links.Wish | None:
    try:
        wish = json.loads(request.body)["wish"]
    except (ValueError, KeyError, TypeError):
        return None
    return links.WISHES.get(wish) if isinstance(wish, str) else None


urlpatterns = [
    re_path(rf"^messages/(?P<token>{PATTERN})$", message),
    re_path(rf"^messages/(?P<token>{PATTERN})/why$", why),
]
