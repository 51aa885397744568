"""The register's pages. Anyone may read them; nothing is asked of the reader and nothing is remembered."""

import functools
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import structlog
from django.conf import settings
from django.core.paginator import EmptyPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from ariyippu.base import clock, home
from ariyippu.base.errors import RefusedError
from ariyippu.grant import legal, purposes
from ariyippu.transparency import reader, tree
from ariyippu.transparency.note import Checkpoint, Note, encode_base64
from ariyippu.web.register import files
from ariyippu.web.register.projection import projection
from ariyippu.web.register.shown.orders import OrderEntry
from ariyippu.web.register.shown.parts import Both
from ariyippu.web.register.shown.whole import EMPTY, Register

Part = Literal["orders", "stays", "requests", "refusals"]

ON_FRONT = 5  # of each part; the rest is on the part's own pages
ON_PAGE = 50

TITLES = {
    "orders": _("Orders"),
    "stays": _("Stays"),
    "requests": _("Use requests"),
    "refusals": _("Refusals"),
}

log = structlog.get_logger()

_LOADING = threading.Lock()


def public(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page to be read: GET and HEAD alone, and a plain 503 while the log's folder cannot be read."""

    @functools.wraps(view)
    def shown(request: HttpRequest, **captured: object) -> HttpResponse:
        try:
            return view(request, **captured)
        except RefusedError as error:
            log.exception("log_not_readable", code=error.code)
            return _page(request, "unavailable", {}, None, status=503)

    return require_safe(shown)


def current() -> tuple[Note | None, Register]:
    """The published checkpoint's note, and the register as of it. RefusedError when the folder is damaged."""
    folder = home.current().log
    note = tree.published(folder)
    if note is None:
        return None, EMPTY
    with _LOADING:  # one thread reads, the others wait for it
        return note, _load(folder, Checkpoint.parse(note.text))


@functools.lru_cache(maxsize=1)
def _load(folder: Path, _checkpoint: Checkpoint) -> Register:
    return projection(reader.read(folder).entries)


@public
def front(request: HttpRequest) -> HttpResponse:
    note, register = current()
    now = clock.now()
    context = {
        "orders": _rows(register, "orders")[:ON_FRONT],
        "requests": _rows(register, "requests")[:ON_FRONT],
        "refusals": _rows(register, "refusals")[:ON_FRONT],
        "active_stays": register.active_stays(now),
        "total": {part: len(getattr(register, part)) for part in TITLES},
        "unread": register.unread,
    }
    return _page(request, "front", context, note)


@public
def listing(request: HttpRequest, part: Part, page: int = 1) -> HttpResponse:
    note, register = current()
    try:
        shown = Paginator(_rows(register, part), ON_PAGE).page(page)
    except EmptyPage:
        raise Http404 from None
    standing = register.standing.values() if part == "orders" and page == 1 else ()
    context = {"part": part, "title": TITLES[part], "page": shown, "rows": shown.object_list, "standing": standing}
    return _page(request, "listing", context, note)


@public
def order(request: HttpRequest, order_id: str) -> HttpResponse:
    note, register = current()
    entry = register.orders.get(order_id)
    if entry is None:
        raise Http404
    now = clock.now()
    context = {
        "order": entry,
        "state": entry.state(now),
        "stayed_channels": entry.stayed_channels(now),
        "partly_stayed": entry.is_partly_stayed(now),
        "counts": _counts(entry),
        "fields": sorted(entry.request.document.fields_of(entry.document.register)) if entry.request else (),
        "corrected": register.corrected_by(entry),
        "corrections": register.corrections_of(entry),
        "lenders": [part.register for part in entry.document.contacts_of],
        "stays": [(stay, stay.is_active(now)) for stay in entry.stays],
    }
    return _page(request, "order", context, note)


@public
def standing(request: HttpRequest, standing_id: str) -> HttpResponse:
    note, register = current()
    entry = register.standing.get(standing_id)
    if entry is None:
        raise Http404
    now = clock.now()
    orders = [(order, order.state(now)) for order in register.triggers_of(entry)]
    return _page(request, "standing", {"order": entry, "orders": orders, "places": (entry.place,)}, note)


@public
def use_request(request: HttpRequest, request_id: str) -> HttpResponse:
    note, register = current()
    entry = register.requests.get(request_id)
    if entry is None:
        raise Http404
    now = clock.now()
    context = {
        "entry": entry,
        "document": entry.document,
        "state": register.request_state(entry, now),
        "orders": [(order, order.state(now)) for order in register.orders_under(entry)],
        "linkings": register.linkings_under(entry),
    }
    return _page(request, "use_request", context, note)


@public
def stay(request: HttpRequest, stay_id: str) -> HttpResponse:
    note, register = current()
    entry = register.stays.get(stay_id)
    if entry is None:
        raise Http404
    now = clock.now()
    context = {
        "stay": entry,
        "active": entry.is_active(now),
        "over": entry.is_over(now),
        "unconfirmed": entry.is_unconfirmed(now),
        "stopped": [
            (found, under, register.orders_with(under.order)) for found in entry.stopped for under in found.orders
        ],
        "recalled": [(found, register.orders_with(found.order)) for found in entry.recalled],
        "leave": [(digest, register.orders_with(digest)) for digest in sorted(entry.terms.leave)],
        "orders": [(order, order.state(now)) for order in register.orders_touched_by(entry)],
    }
    return _page(request, "stay", context, note)


@public
def refusal(request: HttpRequest, index: int) -> HttpResponse:
    note, register = current()
    entry = register.refusals.get(index)
    if entry is None:
        raise Http404
    context = {"refusal": entry, "document": entry.document, "places": (entry.place,)}
    return _page(request, "refusal", context, note)


@public
def papers(request: HttpRequest, sha256: str) -> HttpResponse:
    """Whether a paper, or a signed document, with this fingerprint is in the register, and what became of it."""
    note, register = current()
    now = clock.now()
    context = {
        "sha256": sha256,
        "requests": [(entry, register.request_state(entry, now)) for entry in register.requests_with(sha256)],
        "stays": [(entry, entry.is_active(now)) for entry in register.stays_with(sha256)],
        "orders": [(entry, entry.state(now)) for entry in register.orders_with(sha256)],
    }
    return _page(request, "papers", context, note)


@public
def bills(request: HttpRequest) -> HttpResponse:
    """What carriers' bills came to, held against what left."""
    note, register = current()
    return _page(request, "bills", {"part": "how", "bills": register.bills[:ON_PAGE]}, note)


@public
def offices(request: HttpRequest) -> HttpResponse:
    """Officers by their designations, with their roles, delegations and revocations."""
    note, register = current()
    trust = register.trust
    keys = {key.key_id: key for key in trust.keys} if trust else {}
    named = {office.id: Both(office.name_ml, office.name_en) for office in trust.offices} if trust else {}
    context = {
        "part": "offices",
        "trust": trust,
        "officers": [(key, named[key.office]) for key in keys.values()],
        "delegations": [
            (given, keys[given.to_key].person, keys[given.from_key].person)
            for given in (trust.delegations if trust else ())
        ],
    }
    return _page(request, "offices", context, note)


@public
def taxonomy(request: HttpRequest) -> HttpResponse:
    note, _register = current()
    law = legal.law()
    context = {
        "part": "purposes",
        "purposes": [(depth, purpose, sorted(purposes.bases(purpose.id))) for depth, purpose in purposes.tree()],
        "rules": law.rules.values(),
        "clauses": law.clauses.values(),
    }
    return _page(request, "purposes", context, note)


@public
def how_to_check(request: HttpRequest) -> HttpResponse:
    note, _register = current()
    context = {"part": "how", "public_url": home.current().settings.public_url.rstrip("/")}
    return _page(request, "how_to_check", context, note)


# --- errors: they echo nothing of the request -----------------------------------------------------------


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, "not_found", {}, None, status=404)


def _rows(register: Register, part: Part) -> list[tuple[object, object]]:
    """What a table shows: each entry with its state at this instant, where it has one."""
    now = clock.now()
    if part == "orders":
        return [(entry, entry.state(now)) for entry in register.orders.values()]
    if part == "stays":
        return [(entry, entry.is_active(now)) for entry in register.stays.values()]
    if part == "requests":
        return [(entry, register.request_state(entry, now)) for entry in register.requests.values()]
    return [(entry, None) for entry in register.refusals.values()]


def _counts(entry: OrderEntry) -> Mapping[str, int]:
    """The reasons that occur beside `included`, the most frequent first."""
    counts = entry.audience.counts if entry.audience else {}
    return dict(sorted(((k, v) for k, v in counts.items() if k != "included"), key=lambda pair: (-pair[1], pair[0])))


def _page(
    request: HttpRequest, template: str, context: Mapping[str, object], note: Note | None, status: int = 200
) -> HttpResponse:
    base = home.current().settings.public_url.rstrip("/")
    within = request.path[3:] if status == 200 else "/"
    alternates = [(code, name, f"/{code}{within}", f"{base}/{code}{within}") for code, name in settings.LANGUAGES]
    checkpoint = Checkpoint.parse(note.text) if note else None
    shared = {
        "alternates": alternates,
        "note": note.encode().decode() if note else None,
        "checkpoint": checkpoint,
        "root": encode_base64(checkpoint.root) if checkpoint else None,
    }
    response = render(request, f"register/{template}.html", {**shared, **context}, status=status)
    response.headers["Cache-Control"] = files.ASK_AGAIN
    return response
