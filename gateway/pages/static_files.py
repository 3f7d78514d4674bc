"""Style, script and icons of the pages, read once into memory. Serves exactly the files found at start, nothing by path."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from aiohttp import web

PREFIX = "/static/"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STYLE = "nhsuk/nhsuk-frontend.min.css"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its bytes, its media type, and a tag that changes with it."""

    body: bytes
    media_type: str
    tag: str


@dataclass(frozen=True)
class StaticFiles:
    """Every static file by its path below /static/."""

    files: dict[str, StaticFile]

    @classmethod
    def load(cls) -> "StaticFiles":
        """From the package's folder."""
        found: dict[str, StaticFile] = {}
        _read(resources.files("gateway.pages").joinpath("static"), "", found)
        return cls(found)

    @property
    def built(self) -> bool:
        """Whether the NHS.UK style has been built; without it pages use plain.css."""
        return _STYLE in self.files

    def address(self, path: str) -> str:
        """The address of a file, changed whenever the file is."""
        found = self.files.get(path)
        return f"{PREFIX}{path}" + (f"?v={found.tag}" if found else "")

    def handler(self) -> Callable[[web.Request], Awaitable[web.Response]]:
        """GET /static/{path}."""

        async def handle(request: web.Request) -> web.Response:
            found = self.files.get(request.match_info["path"])
            if found is None:
                return web.Response(status=404, text="There is nothing at this address.\n")
            headers = {
                "Cache-Control": "public, max-age=3600",
                "Cross-Origin-Resource-Policy": "same-origin",
                "ETag": f'"{found.tag}"',
                "X-Content-Type-Options": "nosniff",
            }
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers=headers)
            return web.Response(body=found.body, content_type=found.media_type, charset="utf-8", headers=headers)

        return handle


def _read(folder: Traversable, prefix: str, found: dict[str, StaticFile]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _read(entry, f"{prefix}{entry.name}/", found)
            continue
        media_type = next((kind for end, kind in _TYPES.items() if entry.name.endswith(end)), None)
        if media_type is not None:
            body = entry.read_bytes()
            found[prefix + entry.name] = StaticFile(body, media_type, hashlib.sha256(body).hexdigest()[:16])
