"""What every page shares: templates, style, security headers, and the page of every code. Shows values as text only.

Never builds HTML outside a template, never lets a page run a script that is not a file of ours, never reaches another host.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aiohttp import web
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader

from gateway.domain.cells import named
from gateway.domain.codes import Code
from gateway.pages import formats
from gateway.pages.static_files import StaticFiles

SERVICE = "Summary Care Record viewer"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def environment() -> Environment:
    """Our templates before those of nhsuk-frontend-jinja, which need an undefined that can be chained."""
    env = Environment(
        loader=ChoiceLoader([PackageLoader("gateway.pages"), PackageLoader("nhsuk_frontend_jinja")]),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["nhs_number"] = formats.nhs_number
    env.filters["day"] = formats.day
    env.filters["moment"] = formats.moment
    env.filters["clock"] = formats.clock
    env.filters["dates"] = formats.dates
    env.filters["setting"] = formats.setting
    env.tests["unbroken"] = formats.unbroken
    env.filters["named"] = named
    return env


@dataclass(frozen=True)
class Layout:
    """Renders pages. `sandbox`: whether every page says that its patients are invented."""

    static: StaticFiles
    sandbox: bool
    identity_origin: str = ""
    """Where sign-in goes, scheme and host: a form may lead there (browsers check redirects after a form too)."""

    @cached_property
    def _environment(self) -> Environment:
        return environment()

    @cached_property
    def _script_hashes(self) -> str:
        """Hashes of the inline scripts of the base template (nhsuk-frontend's own one); no others run."""
        found = _INLINE.findall(self.html("message.jinja", title="", text=""))
        digests = {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in found}
        return " ".join(f"'sha256-{digest}'" for digest in sorted(digests))

    def html(self, template: str, **values: Any) -> str:
        """A template of this package as HTML."""
        shared = {
            "assetPath": "/static/nhsuk",
            "static": self.static.address,
            "styled": self.static.built,
            "sandbox": self.sandbox,
            "service": SERVICE,
        }
        return self._environment.get_template(template).render(shared | values)

    def policy(self, *, ancestors: str = "'none'", form_target: str = "") -> str:
        """The content security policy. `ancestors`: who may frame the page; `form_target`: more origins forms may lead to."""
        forms = " ".join(filter(None, ("'self'", form_target)))
        return (
            f"default-src 'none'; script-src 'self' {self._script_hashes}; style-src 'self'; img-src 'self'; "
            f"font-src 'none'; connect-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors {ancestors}"
        )

    def headers(self, *, ancestors: str = "'none'", form_target: str = "") -> dict[str, str]:
        """Headers of every page and redirect."""
        framed = {} if ancestors != "'none'" else {"X-Frame-Options": "DENY"}
        return {
            "Cache-Control": "no-store",
            "Content-Security-Policy": self.policy(ancestors=ancestors, form_target=form_target),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        } | framed

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        form_target: str = "",
        **values: Any,
    ) -> web.Response:
        """A whole answer from a template."""
        return web.Response(
            text=self.html(template, **values),
            status=status,
            content_type="text/html",
            charset="utf-8",
            headers={**self.headers(form_target=form_target), **(headers or {})},
        )

    def redirect(self, address: str) -> web.Response:
        """303 to an address of ours, or of the identity service."""
        return web.Response(status=303, headers={**self.headers(), "Location": address})

    def refusal(
        self, code: Code, *, rules: tuple[str, ...] = (), said: tuple[str, str] | None = None, **values: Any
    ) -> web.Response:
        """The page of a code: what it means, what to do next. `values` as error.jinja takes them.

        `said`: sentence and next step in place of the catalogue's.
        """
        headers = {"X-SCR-Code": code.slug, "X-SCR-Rules": " ".join(rules)}
        entry = code.entry
        sentence, next_step = said or (entry.sentence, entry.next_step)
        return self.page(
            "error.jinja",
            status=entry.http,
            headers=headers,
            code=code.slug,
            sentence=sentence,
            next_step=next_step,
            rules=rules,
            **values,
        )
