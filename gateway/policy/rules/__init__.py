"""Every rule in the order its refusal is answered: system, user, organisation, relationship, permission, patient, consent.

The first reason of a deny names the code, and doors map codes in this order of families; changing it changes the wire.
"""

from gateway.domain.access import Operation
from gateway.policy.judging import Rule
from gateway.policy.rules import organisation, patient, permission, relationship, system, user

RULES: tuple[Rule, ...] = (
    *system.RULES,
    *user.RULES,
    *organisation.RULES,
    *relationship.RULES,
    *permission.RULES,
    *patient.RULES,
)

BY_OPERATION: dict[Operation, tuple[Rule, ...]] = {
    operation: tuple(rule for rule in RULES if operation in rule.operations) for operation in Operation
}
"""Which rules each operation must pass."""
