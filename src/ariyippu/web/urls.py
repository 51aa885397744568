"""The addresses of the office zone. Pages stand under /ml/ and /en/; `/` goes to the reader's language."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import path, re_path

from ariyippu.send.tokens import PATTERN
from ariyippu.web.message import views as messages
from ariyippu.web.register import files, views

_ID = r"(?P<{}>[a-z0-9][a-z0-9-]{{2,63}})"
_TOKEN = f"(?P<token>{PATTERN})"

urlpatterns = [
    path("static/<str:name>", files.static_file),
    path("log/<path:path>", files.log_file),
    path("log-files.txt", files.log_files),
    re_path(rf"^unsubscribe/{_TOKEN}$", messages.one_click),
    re_path(rf"^m/{_TOKEN}/why.json$", messages.why, name="message_why"),
    *i18n_patterns(
        path("", views.front, name="front"),
        re_path(rf"^orders/{_ID.format('order_id')}$", views.order, name="order"),
        re_path(rf"^standing/{_ID.format('standing_id')}$", views.standing, name="standing"),
        re_path(rf"^requests/{_ID.format('request_id')}$", views.use_request, name="use_request"),
        re_path(rf"^stays/{_ID.format('stay_id')}$", views.stay, name="stay"),
        re_path(rf"^m/{_TOKEN}$", messages.page, name="message"),
        re_path(r"^papers/(?P<sha256>[0-9a-f]{64})$", views.papers, name="papers"),
        path("refusals/<int:index>", views.refusal, name="refusal"),
        path("offices", views.offices, name="offices"),
        path("bills", views.bills, name="bills"),
        path("purposes", views.taxonomy, name="purposes"),
        path("how-to-check", views.how_to_check, name="how_to_check"),
        re_path(r"^(?P<part>orders|requests|stays|refusals)$", views.listing, name="listing"),
        re_path(
            r"^(?P<part>orders|requests|stays|refusals)/page/(?P<page>[1-9][0-9]{0,5})$", views.listing, name="listing"
        ),
    ),
]

handler404 = views.not_found
