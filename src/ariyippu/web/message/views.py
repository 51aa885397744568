"""The page behind a message's link, and the address to which mail programs post (RFC 8058).

Looking acts on nothing: mail scanners follow links. A post needs no cookie and no session; its authority is
the token in its address, which nobody can guess, so that a forged post would have to know it. Pages with a
token are kept by no cache, named to no other site and left out of search engines.
"""

from collections.abc import Callable, Mapping
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from ariyippu.base import home
from ariyippu.base.errors import TransientError
from ariyippu.web.message import hatch

WISHES = ("stop", "not-mine", "this-way")
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}

View = Callable[[HttpRequest, str], HttpResponse]


def own(view: View) -> View:
    """A message's own address: what it answers is for nobody else."""

    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return answered


@own
def page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what can be asked for; POST, with `wish`, does it."""
    wish = request.POST.get("wish", "")
    try:
        if request.method in ("GET", "HEAD"):
            return _about(request, "page", hatch.ask(token))
        if request.method != "POST":
            return HttpResponseNotAllowed(["GET", "POST"])
        if wish not in WISHES:
            return _page(request, "unknown", {}, 400)
        return _about(request, "done", hatch.act(token, wish))
    except TransientError:
        return _page(request, "unavailable", {}, 503)


@own
def why(request: HttpRequest, token: str) -> HttpResponse:
    """Why it came, as JSON: what the page says in words, and the proofs that anyone can check."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET"])
    try:
        found = hatch.why(token)
    except TransientError:
        return _plain("Not available now.", 503)
    return _plain("Unknown.", 404) if found is None else JsonResponse(found, json_dumps_params={"indent": 1})


@own
def one_click(request: HttpRequest, token: str) -> HttpResponse:
    """RFC 8058, 3.2: the post of a mail program is answered by itself, never by a redirect."""
    if request.method in ("GET", "HEAD"):
        return HttpResponseRedirect(f"/m/{token}")
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "POST"])
    if request.POST.get("List-Unsubscribe") != "One-Click":
        return _plain("Post List-Unsubscribe=One-Click.", 400)
    try:
        return _plain("Done.", 200) if hatch.act(token, "stop") else _plain("Unknown.", 404)
    except TransientError:
        return _plain("Not available now.", 503)


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", content_type="text/plain", status=status)


def _about(request: HttpRequest, template: str, found: Mapping[str, str] | None) -> HttpResponse:
    if found is None:
        return _page(request, "unknown", {}, 404)
    context = {
        "order_id": found["order"],
        "purpose_id": found["purpose"],
        "wish": request.POST.get("wish"),
        "token": request.path.rpartition("/")[2],
    }
    return _page(request, template, context, 200)


def _page(request: HttpRequest, template: str, context: Mapping[str, object], status: int) -> HttpResponse:
    base = home.current().settings.public_url.rstrip("/")
    paths = [(code, name, f"/{code}{request.path[3:]}") for code, name in settings.LANGUAGES]
    alternates = [(code, name, path, base + path) for code, name, path in paths]
    return render(request, f"message/{template}.html", {"alternates": alternates, **context}, status=status)
