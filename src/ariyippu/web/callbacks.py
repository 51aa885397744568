"""The hatch's part for providers that post SMS receipts instead of sending them over SMPP.

    POST /receipts/sms     Authorization: Bearer SECRET        the carrier's callback_secret in settings.toml
    {"receipts": [{"id": "…", "state": "delivered", "code": "000"}, …]}

`state` is delivered, undelivered, expired, rejected or unknown. 202 when all are kept; 401 without the secret
and 422 for anything else, and then nothing is kept. Sending them again changes nothing.

Only this path is for the world outside: the installation's web server leads to it, with TLS.
"""

import hmac
from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ariyippu.base import home
from ariyippu.base.home import CarrierSettings
from ariyippu.send import choice
from ariyippu.send.carriers import Receipt
from ariyippu.send.carriers.answers import PROVIDER_ID
from ariyippu.track import settle

MAX_RECEIPTS = 10_000


class _Receipt(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # providers add what they like; none of it is kept

    id: str = Field(pattern=f"^{PROVIDER_ID}$")
    state: Literal["delivered", "undelivered", "expired", "rejected", "unknown"]
    code: str = Field(default="", pattern="^[A-Za-z0-9._-]{0,30}$")


class _Posted(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    receipts: tuple[_Receipt, ...] = Field(max_length=MAX_RECEIPTS)


@csrf_exempt  # no cookie is read here: a forged post has no secret
@require_POST
def sms(request: HttpRequest) -> HttpResponse:
    carriers = home.current().settings.carriers_of("sms")
    known = next(((name, of) for name, of in carriers.items() if _is_known(request, of)), None)
    if known is None:
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        posted = _Posted.model_validate_json(request.body, strict=False)
    except ValidationError:
        return HttpResponse(status=422)
    name, carrier = known
    receipts = [Receipt(choice.kept_id(name, one.id), one.state, one.code) for one in posted.receipts]
    settle.keep(receipts, carrier.dead_codes)
    return HttpResponse(status=202)


def _is_known(request: HttpRequest, carrier: CarrierSettings) -> bool:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    secret = carrier.callback_secret
    return secret is not None and kind == "Bearer" and hmac.compare_digest(given.encode(), secret.encode())


urlpatterns = [path("receipts/sms", sms)]
