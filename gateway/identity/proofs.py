"""The service's ProofPort: ID tokens and SAML assertions of the one configured identity service.

Putting together only; what is checked is in tokens.py and saml.py.
"""

from datetime import datetime
from typing import Any

from gateway.domain.access import ProvedUser
from gateway.domain.codes import Code
from gateway.identity.refusals import refused
from gateway.identity.saml import AssertionRules, verify_assertion
from gateway.identity.tokens import IdTokenVerifier


class Proofs:
    """Proves users. Without assertion rules no assertion is taken."""

    def __init__(self, tokens: IdTokenVerifier, assertions: AssertionRules | None) -> None:
        self._tokens, self._assertions = tokens, assertions

    async def token(self, token: str, *, audience: str, now: datetime) -> ProvedUser:
        """The user behind an ID token made for `audience`. Raises AccessDenied; NotPossibleNow where no key can be had."""
        return (await self._tokens.verify(token, audience, now)).user

    async def assertion(self, assertion: Any, *, now: datetime) -> ProvedUser:
        """The user behind a SAML assertion element, still in its message. Raises AccessDenied."""
        if self._assertions is None:
            raise refused(Code.CREDENTIALS_INVALID, "no assertions are taken here")
        return verify_assertion(assertion, self._assertions, now)

    def clear(self) -> None:
        """Forget verified tokens: at reload of the registry or the keys."""
        self._tokens.clear()
