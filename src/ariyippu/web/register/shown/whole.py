"""The register as a whole, and what is found in it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from ariyippu.base.documents import Trust
from ariyippu.web.register.shown.orders import OrderEntry, StandingEntry
from ariyippu.web.register.shown.parts import BillEntry, RefusalEntry
from ariyippu.web.register.shown.requests import LinkingEntry, RequestEntry, RequestState
from ariyippu.web.register.shown.stays import StayEntry


@dataclass(frozen=True)
class Register:
    """Everything, the newest first. Orders, standing orders, requests, linking runs and stays also by their id."""

    orders: Mapping[str, OrderEntry]
    standing: Mapping[str, StandingEntry]
    requests: Mapping[str, RequestEntry]  # of those of one name, the granted one
    asked: tuple[RequestEntry, ...]  # every one
    linkings: Mapping[str, LinkingEntry]
    stays: Mapping[str, StayEntry]
    refusals: Mapping[int, RefusalEntry]
    bills: tuple[BillEntry, ...]
    trust: Trust | None
    unread: tuple[int, ...]

    def active_stays(self, at: dt.datetime) -> tuple[StayEntry, ...]:
        return tuple(stay for stay in self.stays.values() if stay.is_active(at))

    def request_state(self, request: RequestEntry, at: dt.datetime) -> RequestState:
        return request.state(at, used=bool(self.orders_under(request)))

    def requests_with(self, sha256: str) -> tuple[RequestEntry, ...]:
        """The use requests with this fingerprint, or with a paper attached that has it."""
        return tuple(
            request
            for request in self.asked
            if sha256 == request.digest or sha256 in {paper.sha256 for paper in request.document.attachments}
        )

    def stays_with(self, sha256: str) -> tuple[StayEntry, ...]:
        """The stays with this fingerprint, or that were entered from a paper that has it."""
        return tuple(
            stay
            for stay in self.stays.values()
            if sha256 == stay.digest or (stay.document.paper is not None and sha256 == stay.document.paper.sha256)
        )

    def orders_under(self, request: RequestEntry) -> tuple[OrderEntry, ...]:
        return tuple(order for order in self.orders.values() if order.document.use_request == request.digest)

    def orders_with(self, digest: str) -> tuple[OrderEntry, ...]:
        """The orders that are, or carry the notice that is, the document with this digest."""
        return tuple(order for order in self.orders.values() if digest in (order.digest, order.document.notice))

    def linkings_under(self, request: RequestEntry) -> tuple[LinkingEntry, ...]:
        return tuple(linking for linking in self.linkings.values() if linking.request.digest == request.digest)

    def triggers_of(self, standing: StandingEntry) -> tuple[OrderEntry, ...]:
        return tuple(
            order for order in self.orders.values() if order.standing and order.standing.digest == standing.digest
        )

    def corrected_by(self, order: OrderEntry) -> OrderEntry | None:
        """The order that this one puts right."""
        return next((other for other in self.orders.values() if other.digest == order.document.corrects), None)

    def corrections_of(self, order: OrderEntry) -> tuple[OrderEntry, ...]:
        return tuple(other for other in self.orders.values() if other.document.corrects == order.digest)

    def orders_touched_by(self, stay: StayEntry) -> tuple[OrderEntry, ...]:
        return tuple(order for order in self.orders.values() if any(s.digest == stay.digest for s in order.stays))


EMPTY = Register({}, {}, {}, (), {}, {}, {}, (), None, ())
