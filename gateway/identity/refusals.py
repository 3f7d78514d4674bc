"""How identity refuses: a stable code for the caller, and for operators one plain sentence why, as a note on the exception.

The sentence names the check that failed; it must never hold anything of the token, the assertion or the person.
"""

from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied

SMARTCARD_GRADE = ("P-07",)


def refused(code: Code, why: str, *, rules: tuple[str, ...] = SMARTCARD_GRADE) -> AccessDenied:
    """An AccessDenied to raise; `why` is kept as an exception note (PEP 678), for the log and for tests."""
    error = AccessDenied(code, rules=rules)
    error.add_note(why)
    return error


def why(error: BaseException) -> str:
    """The sentence kept with a refusal; empty where there is none."""
    return "; ".join(getattr(error, "__notes__", ()))
