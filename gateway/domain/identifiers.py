"""Identifiers of the NHS and of this gateway. A value that exists is valid; `repr` and `str` never show it.

Take the text with `.value`, on purpose, where a wire or the audit store needs it.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Self

from gateway.domain.errors import InvalidValue


@dataclass(frozen=True, slots=True, order=True, repr=False)
class Identifier:
    """A text of one fixed form."""

    value: str
    form: ClassVar[re.Pattern[str]]
    shown: ClassVar[bool] = True
    """Whether logs may hold it. A patient's identifiers are never shown."""

    def __post_init__(self) -> None:
        if not isinstance(self.value, str) or not self.form.fullmatch(self.value):
            raise InvalidValue(f"not a valid {type(self).__name__}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value if self.shown else '***'})"

    def __str__(self) -> str:
        return self.value if self.shown else "***"


class OdsCode(Identifier):
    """Organisation or site code (ODS)."""

    __slots__ = ()
    form = re.compile(r"[A-Z0-9]{3,12}", re.ASCII)


class Asid(Identifier):
    """Accredited system id: 12 digits."""

    __slots__ = ()
    form = re.compile(r"[0-9]{12}", re.ASCII)


class UserId(Identifier):
    """SDS user id (UUID in HL7 words, root …2.0.65): 12 digits."""

    __slots__ = ()
    form = re.compile(r"[0-9]{12}", re.ASCII)


class RoleProfileId(Identifier):
    """SDS user role profile id (URPID, root …2.0.67; person_roleid in OIDC): 12 digits."""

    __slots__ = ()
    form = re.compile(r"[0-9]{12}", re.ASCII)


class ActivityCode(Identifier):
    """RBAC activity code, such as B0370."""

    __slots__ = ()
    form = re.compile(r"B[0-9]{4}", re.ASCII)


class TeamId(Identifier):
    """Workgroup code."""

    __slots__ = ()
    form = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class SystemId(Identifier):
    """Id of a calling system in the registry."""

    __slots__ = ()
    form = re.compile(r"[a-z0-9][a-z0-9-]{1,63}", re.ASCII)


class MessageId(Identifier):
    """UUID of one message, upper case, without prefix."""

    __slots__ = ()
    form = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}", re.ASCII)

    @classmethod
    def read(cls, text: str) -> Self:
        """From wire text with an optional prefix (`uuid:`, `urn:uuid:`, `uuid_`…) in either case. Raises InvalidValue."""
        return cls(re.sub(r"^[A-Za-z_:]*[_:]", "", text.strip(), count=1).upper())


class CorrelationId(MessageId):
    """X-Correlation-ID of one request, kept from the caller to Spine."""

    __slots__ = ()


class NhsNumber(Identifier):
    """Ten digits that pass Modulus 11. Build those from outside with `NhsNumbers`, which also knows the range."""

    __slots__ = ()
    form = re.compile(r"[0-9]{10}", re.ASCII)
    shown = False

    def __post_init__(self) -> None:
        if not isinstance(self.value, str) or not self.form.fullmatch(self.value):
            raise InvalidValue("an NHS number has ten digits")
        if len(set(self.value)) == 1:
            raise InvalidValue("an NHS number is not one digit ten times")
        rest = 11 - sum(int(digit) * weight for digit, weight in zip(self.value, range(10, 1, -1), strict=False)) % 11
        if rest == 10 or rest % 11 != int(self.value[9]):
            raise InvalidValue("the NHS number's check digit is wrong")

    @property
    def grouped(self) -> str:
        """For a person's eyes: 3 3 4 with single spaces (NUM-0002)."""
        return f"{self.value[:3]} {self.value[3:6]} {self.value[6:]}"


class NumberRange(Enum):
    """Which NHS numbers this installation accepts at all."""

    SYNTHETIC = "synthetic"  # begin with 9: issued to nobody
    LIVE = "live"  # the issued ranges: never beginning with 9


@dataclass(frozen=True, slots=True)
class NhsNumbers:
    """The one constructor of NHS numbers from outside."""

    range: NumberRange

    def read(self, text: str) -> NhsNumber:
        """From text of ten digits. Raises InvalidValue: wrong form, check digit, or outside the configured range."""
        number = NhsNumber(text)
        if (number.value[0] == "9") is not (self.range is NumberRange.SYNTHETIC):
            raise InvalidValue("the NHS number is outside the range this installation accepts")
        return number

    def read_typed(self, text: str) -> NhsNumber:
        """From what a person types or pastes: spaces and hyphens between the digits are allowed (NUM-0010)."""
        return self.read(re.sub(r"[\s\u00a0\u2009-]+", "", text))
