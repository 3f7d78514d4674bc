"""The one refusal that carries who was refused: a known system that the registry suspends."""

from gateway.domain.access import System
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied


class SystemSuspended(AccessDenied):
    """A calling system that the registry suspends (P-84). `system`: which, so that the refusal is audited under its name."""

    def __init__(self, system: System) -> None:
        super().__init__(Code.SYSTEM_SUSPENDED, rules=("P-84",))
        self.system = system
        self.add_note("the system is suspended")
