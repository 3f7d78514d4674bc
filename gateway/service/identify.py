"""Who is it: the user behind a request and the one role they act in (P-07, P-09, P-10, P-14). Names in a message prove nothing."""

from dataclasses import dataclass

from gateway.domain.access import Organisation, ProvedUser, Role, SystemKind, User, UserProof
from gateway.domain.codes import Code
from gateway.domain.errors import AccessDenied
from gateway.domain.identifiers import OdsCode, RoleProfileId, UserId
from gateway.service.calls import Context, Credentials
from gateway.service.ports import DirectoryPort, ProofPort, RegistryPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A proved calling system and, where the request needs one, its proved user in one role."""

    organisation: Organisation | None
    user: User | None = None
    proof: ProvedUser | None = None
    role: Role | None = None
    vouched: UserId | None = None
    """A user the system names by its own word; never enough for a view."""


def choose_role(user: User, organisation: OdsCode | None, chosen: RoleProfileId | None) -> Role:
    """The one role that counts. `chosen`: the selected role, from the token or named beside it.

    Raises AccessDenied: no role at all (P-10), several at this organisation and none chosen (P-09), not the user's own.
    """
    if not user.roles:
        raise AccessDenied(Code.ROLE_NONE, rules=("P-10",))
    if chosen is not None:
        for role in user.roles:
            if role.id == chosen:
                return role
        raise AccessDenied(Code.ROLE_NOT_HELD, rules=("P-09",))
    if len(user.roles) > 1:
        raise AccessDenied(Code.ROLE_NOT_CHOSEN, rules=("P-09",))
    role = user.roles[0]
    if organisation is not None and role.organisation != organisation:
        raise AccessDenied(Code.ROLE_ORGANISATION, rules=("P-14",))
    return role


class Identify:
    """Turns credentials into a Caller."""

    def __init__(self, *, registry: RegistryPort, proofs: ProofPort, directory: DirectoryPort) -> None:
        self._registry = registry
        self._proofs = proofs
        self._directory = directory

    async def caller(
        self, credentials: Credentials, named_role: RoleProfileId | None, context: Context, *, prove: bool = False
    ) -> Caller:
        """The proved caller; without any credentials, a caller without user (policy says whether that is enough).

        `prove`: a user must be proved unless the system vouches for its users, though no rule of the operation judges one.
        Only a system proved by its certificate vouches for anybody.

        Raises AccessDenied (proof, user or role), NotPossibleNow (directory or identity service away).
        """
        system = context.system
        organisation = self._registry.organisation(system.organisation) if system.organisation else None
        if credentials.also_named - {
            credentials.named_user
        }:  # two people: whoever is proved, or vouched for, is not both
            raise AccessDenied(Code.USER_MISMATCH, rules=("P-07",))
        proof = await self._prove(credentials, context)
        if proof is None:
            vouches = context.system_proved and system.user_proof is UserProof.VOUCHED
            if prove and not vouches:
                raise AccessDenied(Code.CREDENTIALS_MISSING, rules=("P-07",))
            return Caller(organisation=organisation, vouched=credentials.named_user if vouches else None)
        if credentials.named_user is not None and credentials.named_user != proof.id:
            raise AccessDenied(Code.USER_MISMATCH, rules=("P-07",))
        user = await self._directory.user(proof.id)
        if user is None:
            raise AccessDenied(Code.USER_UNKNOWN, rules=("P-07",))
        role = choose_role(user, system.organisation, self._chosen(proof, credentials.named_role, named_role))
        if system.kind is SystemKind.STANDALONE:
            organisation = self._registry.organisation(role.organisation)
        return Caller(organisation=organisation, user=user, proof=proof, role=role)

    async def _prove(self, credentials: Credentials, context: Context) -> ProvedUser | None:
        offered = (credentials.token, credentials.assertion, credentials.session)
        if sum(one is not None for one in offered) > 1:
            raise AccessDenied(Code.CREDENTIALS_INVALID, rules=("P-07",))
        if credentials.session is not None:
            return credentials.session
        if credentials.token is not None:
            audience = context.system.client_id
            return await self._proofs.token(credentials.token, audience=audience, now=context.now)
        if credentials.assertion is not None:
            return await self._proofs.assertion(credentials.assertion, now=context.now)
        return None

    @staticmethod
    def _chosen(
        proof: ProvedUser, from_message: RoleProfileId | None, from_facts: RoleProfileId | None
    ) -> RoleProfileId | None:
        """The role chosen at sign-in binds; a message may choose only where sign-in did not, and not contradict itself."""
        named = {role for role in (proof.selected_role, from_message, from_facts) if role is not None}
        if len(named) > 1:
            raise AccessDenied(Code.ROLE_NOT_HELD, rules=("P-09",))
        return next(iter(named), None)
