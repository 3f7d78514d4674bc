"""The launch lab: choose host, user, patient and a fault, launch it, and see whether the gateway answers each as it must."""

from typing import Any

from aiohttp import web

from vendor_stubs import cast
from vendor_stubs.calling.errors import CallingError
from vendor_stubs.calling.options import ViewRequest
from vendor_stubs.calling.result import spaced
from vendor_stubs.desk.pages import Pages, fields_of
from vendor_stubs.desk.screens import Screens
from vendor_stubs.desk.systems import Screen, patients, screens
from vendor_stubs.launch_faults import BY_NAME, Fault, faults_of
from vendor_stubs.launch_lab import Attempt, Lab

ALL = "all"


class LaunchLab:
    """The routes of the lab."""

    def __init__(self, *, pages: Pages, screens: Screens) -> None:
        self._pages, self._screens = pages, screens

    def routes(self) -> list[web.RouteDef]:
        """Under /lab."""
        return [web.get("/lab", self.show), web.post("/lab", self.run)]

    def _page(self, **values: Any) -> web.Response:
        hosts = [one for one in screens() if one.one_click]
        shared: dict[str, Any] = {"rows": (), "chosen": {}, "trouble": None}
        return self._pages.page(
            "lab.jinja",
            hosts=hosts,
            faults=list(BY_NAME.values()),
            users=cast.users(),
            patients=patients(),
            spaced=spaced,
            **(shared | values),
        )

    async def show(self, _: web.Request) -> web.Response:
        """GET /lab."""
        return self._page()

    async def run(self, request: web.Request) -> web.Response:
        """POST /lab: one fault, or all that fit the host."""
        fields = await fields_of(request)
        host = next((one for one in screens() if one.one_click and one.product == fields.get("host")), None)
        user = cast.user(fields.get("uid", "")) if fields.get("uid") else None
        if host is None:
            raise web.HTTPBadRequest
        uid = (user or host.first_user()).uid
        role = host.role_of(user or host.first_user())
        asked = ViewRequest(nhs_number=fields.get("nhs_number", ""), uid=uid, role=role)
        named = fields.get("fault", "")
        wanted = faults_of(host.product) if named == ALL else tuple(filter(None, [BY_NAME.get(named)]))
        if any(host.product not in fault.hosts for fault in wanted):
            trouble = f"{host.name}'s launches cannot be wrong in this way: choose another fault."
            return self._page(chosen=fields, trouble=trouble)
        try:
            rows = [(fault, await self._attempt(host, fault, asked)) for fault in wanted]
        except CallingError as error:
            return self._page(chosen=fields, trouble=str(error))
        return self._page(chosen=fields, rows=rows)

    async def _attempt(self, host: Screen, fault: Fault, asked: ViewRequest) -> Attempt:
        async with self._screens.calls(host.system) as calls:
            return await Lab(fault, asked, calls).run()
