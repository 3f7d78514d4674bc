"""Lorenzo's wire form: SMART App Launch, EHR launch: `iss` and `launch` in, `code` and `state` back. A simulated profile of this project.

`iss` is looked up, never visited before it is found in the registry.
"""

from collections.abc import Iterable, Mapping

from gateway.adapters.launch_parts import fields
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied

PRODUCT = "lorenzo"


def begun(query: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """(iss, launch). Raises MessageInvalid, AccessDenied (LAUNCH_INVALID)."""
    given = fields(query, frozenset({"iss", "launch"}))
    return given["iss"], given["launch"]


def returned(query: Mapping[str, str]) -> tuple[str, str]:
    """(code, state) of the host's answer. Raises AccessDenied (LAUNCH_INVALID): an error, or not both."""
    code, state = query.get("code", ""), query.get("state", "")
    if "error" in query or not code or not state or len(code) > 512 or len(state) > 512:
        raise AccessDenied(Code.LAUNCH_INVALID, rules=("P-07",))
    return code, state
