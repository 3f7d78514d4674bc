"""The stub of a person at the standalone viewer (SCRa, and NCRS as its successor): the same pages, forms and cookies as a browser.

It signs in at the identity service by smartcard and PIN, chooses, finds, answers, and reads the record back from the page.
"""

from dataclasses import replace
from urllib.parse import urlencode

from vendor_stubs import cast
from vendor_stubs.calling import answers
from vendor_stubs.calling.errors import NoAnswer, WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.options import Part, RawRequest, ViewRequest
from vendor_stubs.calling.products import EVERYTHING, Product
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult
from vendor_stubs.pages import Browser, Page, problems_of, record_of, sentence_of

OVERRIDES = frozenset({"emergency", "best-interests", "legal"})


async def view(request: ViewRequest, calls: Calls) -> ViewResult:
    """Sign in, role, setting, patient, relationship, permission, record. Raises NoAnswer, WrongUsage."""
    browser = Browser(calls)
    page = await sign_in(browser, request.uid, request.role)
    if page.path == "/viewer/role" or _other_role(page, request):
        page = await _choose_role(browser, page, request)
    if page.exchange.code is None and (page.path == "/viewer/setting" or request.setting is not None):
        page = await _choose_setting(browser, page, request, calls)
    if page.exchange.code is None:
        page = await browser.post(page, "/viewer/find", {"nhs_number": request.nhs_number})
    if page.exchange.code is None:
        page = await answer(browser, page, request)
    return await result(calls, page, request)


async def sign_in(browser: Browser, uid: str, role: str | None, start: str = "/viewer/sign-in") -> Page:
    """From the page's sign-in to the first page after it. Raises NoAnswer, WrongUsage (nobody has this card)."""
    if cast.user(uid) is None:
        raise WrongUsage("--as names nobody of the cast")
    page = await browser.get(start)
    if page.path != "/authorize":
        return page
    page = await browser.post(page, "/authorize/card", {"uid": uid, "pin": uid[-4:]})
    offered = page.find("//input[@name='roleid']/@value")
    if not offered:
        return page
    if role is None:
        return await _given_up(browser)
    # a role that is not the user's cannot be chosen here; the gateway is asked for it later, to see it refused
    chosen = role if role in offered else str(offered[0])
    return await browser.post(page, "/authorize/role", {"roleid": chosen})


async def _given_up(browser: Browser) -> Page:
    """Nobody chose a role: back to the gateway as the identity service sends a browser that may not ask (OIDC Core 3.1.2.6)."""
    return await browser.get(
        f"/viewer/callback?{urlencode({'error': 'interaction_required', 'state': browser.state or ''})}"
    )


def _other_role(page: Page, request: ViewRequest) -> bool:
    """Whether the role asked for is not one the user could choose at sign-in."""
    user = cast.user(request.uid)
    held = {role.roleid for role in user.roles} if user is not None else set()
    return page.exchange.code is None and request.role is not None and request.role not in held


async def _choose_role(browser: Browser, page: Page, request: ViewRequest) -> Page:
    page = page if page.path == "/viewer/role" else await browser.get("/viewer/role")
    return await browser.post(page, "/viewer/role", {"role": request.role})


async def _choose_setting(browser: Browser, page: Page, request: ViewRequest, calls: Calls) -> Page:
    page = page if page.path == "/viewer/setting" else await browser.get("/viewer/setting")
    setting = request.setting
    if setting is None:
        offered = page.find("//input[@name='setting']/@value")
        if not offered:
            raise NoAnswer("the organisation has no care setting to choose")
        setting = str(offered[0])
        calls.tell(f"care setting: {setting}, the first of the organisation's; say --setting for another")
    return await browser.post(page, "/viewer/setting", {"setting": setting})


async def answer(browser: Browser, page: Page, request: ViewRequest) -> Page:
    """From the patient's page to the record or its refusal; launched pages go the same way. Raises NoAnswer."""
    relationship = "self-claimed" if request.relationship == "self-claimed" else "none"
    page = await browser.post(
        page,
        "/viewer/patient",
        {
            "relationship": relationship,
            "purpose": request.purpose,
            "confirm_deceased": "true" if request.confirm_deceased else None,
        },
    )
    if page.exchange.code is not None:
        return page
    said = {
        "permission": request.permission,
        "until": request.until.isoformat() if request.until is not None else None,
        "note": request.note,
        "emergency_reason": request.reason,
        "legal_basis": request.basis,
        "condition_changed": "true" if request.condition_changed else None,
        "condition_changed_note": request.changed_note,
    }
    if request.permission in OVERRIDES:
        page = await browser.get("/viewer/without-permission")
        if page.exchange.code is not None:
            return page
    return await browser.post(page, "/viewer/record", said)


async def result(calls: Calls, page: Page, request: ViewRequest) -> ViewResult:
    """What the last page comes to. Raises NoAnswer."""
    record = record_of(page) if page.exchange.code is None and page.exchange.status == 200 else None
    if record is not None:
        notices = tuple(notice.text_content().strip() for notice in page.find("//*[@data-notice]"))
        return answers.record_from(page.exchange, record, asked=request.nhs_number, wire_code=None, notices=notices)
    answer = await answers.not_shown(calls, page.exchange, wire_code=None, outcome=None, fallback=sentence_of(page))
    if answer.outcome != "invalid":
        return answer
    # what is wrong in a form stands on its page; the code alone says only that something is
    return replace(answer, findings=tuple({"code": answer.code, "sentence": text} for text in problems_of(page)))


async def send_raw(_: RawRequest, __: Calls) -> RawResult:
    """Raises WrongUsage, always: nobody sends this door a message."""
    raise WrongUsage("the scra door takes no message: its user walks pages, as `vendor-stub scra view` does")


PRODUCT = Product(name="scra", view=view, carries=EVERYTHING - {Part.DATE_OF_BIRTH}, raw=send_raw)
