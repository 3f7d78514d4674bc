"""The nine screens: sign in as, patient list, and the way to the record. Viewers show it in their pane, one-click systems open a window.

They call the gateway with the very code the stubs run. No patient stands in an address of the desk.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from vendor_stubs import cast, launching, lorenzo, pharmoutcomes, rio, sonar
from vendor_stubs.calling.credentials import Credentials
from vendor_stubs.calling.errors import CallingError
from vendor_stubs.calling.http import Calls, open_wire
from vendor_stubs.calling.names import PRODUCTS
from vendor_stubs.calling.options import BASES, EMERGENCY_REASONS, PERMISSIONS, RELATIONSHIPS, ViewRequest
from vendor_stubs.calling.preparation import prepare
from vendor_stubs.calling.products import product as product_of
from vendor_stubs.calling.result import spaced
from vendor_stubs.cast import System, User
from vendor_stubs.desk.pages import Pages, fields_of, moment
from vendor_stubs.desk.smart_host import SmartHost
from vendor_stubs.desk.systems import Screen, patients, screen, screens


class Screens:
    """The routes of the screens."""

    def __init__(
        self, *, gateway: str, identity: str, pages: Pages, smart: SmartHost, certificates: Path | None = None
    ) -> None:
        self._certificates = certificates
        self._gateway, self._identity, self._pages, self._smart = gateway, identity, pages, smart

    def routes(self) -> list[web.RouteDef]:
        """Under / and /desk/{product}."""
        return [
            web.get("/", self.home),
            web.get("/desk/{product}", self.list),
            web.post("/desk/{product}/sign-in", self.sign_in),
            web.post("/desk/{product}/open", self.open),
        ]

    @asynccontextmanager
    async def calls(self, system: System) -> AsyncIterator[Calls]:
        """What a stub of this system works with; what it has to say beside its result is dropped."""
        folder = self._certificates
        async with open_wire(None if folder is None else Credentials.of_folder(folder, system.id)) as wire:
            yield Calls(
                wire=wire,
                system=system,
                gateway=self._gateway,
                identity=self._identity,
                now=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid.uuid4()).upper(),
                tell=lambda _: None,
            )

    async def home(self, _: web.Request) -> web.Response:
        """GET /."""
        return self._pages.page("home.jinja", screens=screens(), gateway=self._gateway)

    @staticmethod
    def _screen(request: web.Request) -> Screen:
        found = screen(request.match_info["product"])
        if found is None:
            raise web.HTTPNotFound
        return found

    @staticmethod
    def _user(request: web.Request, one: Screen) -> User:
        """Who is signed in at this screen."""
        return cast.user(request.cookies.get(f"desk-{one.product}", "")) or one.first_user()

    def _page(
        self, one: Screen, user: User, *, status: int = 200, trouble: str | None = None, **more: object
    ) -> web.Response:
        values: dict[str, object] = {"result": None, "form": None, "chosen": None} | more
        return self._pages.page(
            "screen.jinja",
            status=status,
            screen=one,
            user=user,
            patient=next((row for row in patients() if row.nhs == values["chosen"]), None),
            moment=moment,
            permissions=PERMISSIONS,
            relationships=RELATIONSHIPS,
            reasons=EMERGENCY_REASONS,
            bases=BASES,
            spaced=spaced,
            built=one.product in PRODUCTS,
            trouble=trouble,
            **values,
        )

    async def list(self, request: web.Request) -> web.Response:
        """GET /desk/{product}."""
        one = self._screen(request)
        return self._page(one, self._user(request, one))

    async def sign_in(self, request: web.Request) -> web.Response:
        """POST /desk/{product}/sign-in."""
        one, fields = self._screen(request), await fields_of(request)
        if cast.user(fields.get("uid", "")) is None:
            raise web.HTTPBadRequest
        response = self._pages.go(f"/desk/{one.product}")
        response.set_cookie(f"desk-{one.product}", fields["uid"], httponly=True, samesite="Strict", path="/desk")
        return response

    async def open(self, request: web.Request) -> web.StreamResponse:
        """POST /desk/{product}/open: the record in the pane, or on to the gateway."""
        one, fields = self._screen(request), await fields_of(request)
        user = self._user(request, one)
        try:
            asked = self._asked(one, user, fields)
            async with self.calls(one.system) as calls:
                await prepare(asked, calls)
                if one.one_click:
                    return await self._launch(one, user, asked, calls)
                stub = product_of(one.product)
                stub.check(asked)
                result = await stub.view(asked, calls)
        except CallingError as error:
            return self._page(one, user, status=502, trouble=str(error), chosen=fields.get("nhs_number"))
        return self._page(one, user, result=result, chosen=asked.nhs_number)

    @staticmethod
    def _asked(one: Screen, user: User, fields: dict[str, str]) -> ViewRequest:
        """The form as the stubs' own request. Raises WrongUsage."""
        permission = fields.get("permission", "not-asked")
        note = fields.get("note", "").strip()
        overriding = permission in {"emergency", "best-interests", "legal"}
        return ViewRequest(
            nhs_number=fields.get("nhs_number", ""),
            uid=user.uid,
            role=one.role_of(user),
            permission=permission,
            note=note if overriding else None,
            emergency_reason=fields.get("emergency_reason") if permission == "emergency" else None,
            basis=fields.get("basis") if permission == "legal" else None,
            confirm_deceased=fields.get("confirm_deceased") == "true",
            relationship=fields.get("relationship", "none"),
        )

    async def _launch(self, one: Screen, user: User, asked: ViewRequest, calls: Calls) -> web.Response:
        """On to the gateway, the way this host goes. Raises NoAnswer."""
        if one.product == "lorenzo":
            said = {"uid": asked.uid, "role": asked.role, "nhs_number": asked.nhs_number}
            handle = self._smart.handle({name: value for name, value in said.items() if value is not None})
            return self._pages.go(self._gateway + lorenzo.address_of(self._smart.issuer(one.system), handle))
        if one.product == "pharmoutcomes":
            return self._pages.go(await pharmoutcomes.whole_link(asked, calls))
        token = launching.launch_token(asked, calls)
        if one.product == "sonar":
            form = {"action": self._gateway + sonar.DOOR, "name": sonar.FIELD, "value": token}
            return self._pages.page("post.jinja", screen=one, form=form)
        done = await rio.ask(calls, token)
        if done.status == 201:
            return self._pages.go(self._gateway + rio.address_of(done))
        return self._page(one, user, status=502, trouble=f"The gateway refused the launch: {done.code}")
