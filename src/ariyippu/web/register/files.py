"""Files that the office serves itself: the pages' own style and fonts, and the log read-only.

Both deny by default: a style or font is one of a fixed list, a log's file has exactly a name of the log's
format (C2SP tlog-tiles) and lies within the log's folder.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ariyippu.base import home
from ariyippu.base.documents import MAX_ENTRY_BYTES
from ariyippu.transparency import tiles, tree
from ariyippu.transparency.note import Checkpoint

FOREVER = "public, max-age=31536000, immutable"
A_MINUTE = "public, max-age=60"
ASK_AGAIN = "no-cache"
MAX_LOG_FILE_BYTES = tiles.WIDTH * (tiles.LENGTH_BYTES + MAX_ENTRY_BYTES)

CONTENT_TYPES: Mapping[str, str] = {
    "register.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "noto-sans-malayalam-400.woff2": "font/woff2",
    "noto-sans-malayalam-700.woff2": "font/woff2",
    "noto-sans-malayalam-LICENSE.txt": "text/plain; charset=utf-8",
}

_TILE = re.compile(r"tile/(?:entries|[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/)*[0-9]{3}(?P<partial>\.p/[1-9][0-9]{0,2})?")


@dataclass(frozen=True)
class Asset:
    """A static file in memory; `version` changes with its content."""

    content: bytes
    content_type: str
    version: str


def _load() -> Mapping[str, Asset]:
    folder = resources.files("ariyippu.web") / "static"
    contents = {name: (folder / name).read_bytes() for name in CONTENT_TYPES}
    return {
        name: Asset(content, CONTENT_TYPES[name], hashlib.sha256(content).hexdigest()[:12])
        for name, content in contents.items()
    }


ASSETS = _load()


def asset_url(name: str) -> str:
    """The address of a static file. It changes with the content, so that it may be kept forever."""
    return f"/static/{name}?v={ASSETS[name].version}"


@require_safe
def static_file(_request: HttpRequest, name: str) -> HttpResponse:
    asset = ASSETS.get(name)
    if asset is None:
        raise Http404
    return _file(asset.content, asset.content_type, FOREVER)


@require_safe
def log_file(_request: HttpRequest, path: str) -> HttpResponse:
    """A file of the public log, as it lies in the folder."""
    tile = _TILE.fullmatch(path)
    if tile is None and path != tree.CHECKPOINT:
        raise Http404
    log = home.current().log.resolve()
    file = (log / path).resolve()
    if not file.is_relative_to(log) or not file.is_file() or file.stat().st_size > MAX_LOG_FILE_BYTES:
        raise Http404
    if tile is None:
        return _file(file.read_bytes(), "text/plain; charset=utf-8", ASK_AGAIN)
    # A partial's bytes never change either, but a full tile takes its place.
    return _file(_read(file), "application/octet-stream", A_MINUTE if tile["partial"] else FOREVER)


@require_safe
def log_files(_request: HttpRequest) -> HttpResponse:
    """The address of every file that the checkpoint stands on, one per line: what an auditor copies."""
    note = tree.published(home.current().log)
    if note is None:
        raise Http404
    size = Checkpoint.parse(note.text).size
    base = home.current().settings.public_url.rstrip("/")
    lines = "".join(f"{base}/log/{path}\n" for path in [tree.CHECKPOINT, *_tile_paths(size)])
    return _file(lines.encode(), "text/plain; charset=utf-8", ASK_AGAIN)


def _tile_paths(size: int) -> Iterator[str]:
    levels: list[tiles.Level] = ["entries"]
    while tiles.count(len(levels) - 1, size):
        levels.append(len(levels) - 1)
    for level in levels:
        for index, width in tiles.widths(level, size):
            yield tiles.path(level, index, width)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # a full tile has just taken the partial's place
        raise Http404 from None


def _file(content: bytes, content_type: str, caching: str) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": caching})
