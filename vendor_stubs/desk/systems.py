"""The nine clinical systems on the desk: which system of the cast each is, who works there, and whom its list shows. Values only."""

from collections.abc import Callable
from dataclasses import dataclass

from vendor_stubs import cast
from vendor_stubs.cast import Patient, System, User

NAMES = {
    "adastra": "Adastra",
    "cleo": "CLEO",
    "emis-web": "EMIS Web",
    "symphony": "Symphony",
    "systmone": "SystmOne",
    "rio": "RiO",
    "lorenzo": "Lorenzo",
    "sonar": "Sonar",
    "pharmoutcomes": "PharmOutcomes",
}
"""In the order of the desk."""
WAYS = {
    "rio": "Asks by its back channel for a code, and opens the code's address in a new window.",
    "lorenzo": "Opens a window by SMART App Launch.",
    "sonar": "Posts a signed launch from a new window.",
    "pharmoutcomes": "Opens a link with an encrypted launch in a new window.",
}
ROOMS = {
    "adastra": "Out of hours: cases waiting",
    "cleo": "Ambulance desk: incidents",
    "emis-web": "Appointments today",
    "symphony": "Emergency department: board",
    "systmone": "Community visits today",
    "rio": "Caseload",
    "lorenzo": "Outpatient clinic",
    "sonar": "Counter: consultations",
    "pharmoutcomes": "Services: enrolments",
}


PLACES: dict[str, Callable[[int], str]] = {
    "adastra": lambda at: f"case {4100 + at}",
    "cleo": lambda at: f"incident {77300 + at}",
    "emis-web": lambda at: _clock(510 + 10 * at),
    "symphony": lambda at: f"bay {at + 1}",
    "systmone": lambda at: f"visit {at + 1}, {_clock(525 + 12 * at)}",
    "rio": lambda at: f"on the caseload for {at + 2} weeks",
    "lorenzo": lambda at: f"clinic {'ABCD'[at % 4]}, {_clock(540 + 10 * at)}",
    "sonar": lambda at: f"consultation {210 + at}",
    "pharmoutcomes": lambda at: f"service {'new medicine' if at % 2 else 'minor illness'}",
}
"""What each list says of its patients: place in the list -> words."""


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A patient as one system lists them."""

    patient: Patient
    place: str


@dataclass(frozen=True, kw_only=True)
class Screen:
    """One clinical system as the desk shows it."""

    product: str
    system: System

    @property
    def name(self) -> str:
        """For people."""
        return NAMES[self.product]

    @property
    def room(self) -> str:
        """What its list is of."""
        return ROOMS[self.product]

    @property
    def one_click(self) -> bool:
        """Whether it opens the gateway's own pages."""
        return self.product in WAYS

    @property
    def way(self) -> str:
        """How it reaches the record."""
        return WAYS.get(self.product, "Asks the gateway itself, and shows the record in its own pane.")

    @property
    def users(self) -> tuple[User, ...]:
        """Everybody with a role at its organisation, then a few who should be refused."""
        here = [user for user in cast.users() if self._here(user)]
        others = [user for user in cast.users() if not self._here(user)]
        return (*here, *others[:4])

    @property
    def listed(self) -> tuple[Listed, ...]:
        """Its own patient list: the same people as on the other screens, in its own order and words."""
        first, *others = patients()
        at = 4 * list(NAMES).index(self.product)
        turned = (first, *others[at:], *others[:at])
        return tuple(Listed(patient=one, place=PLACES[self.product](at)) for at, one in enumerate(turned))

    def _here(self, user: User) -> bool:
        return any(role.ods == self.system.organisation for role in user.roles)

    def role_of(self, user: User) -> str | None:
        """The user's role here, else their only one."""
        for role in user.roles:
            if role.ods == self.system.organisation:
                return role.roleid
        return user.roles[0].roleid if len(user.roles) == 1 else None

    def first_user(self) -> User:
        """Somebody who may view records here."""
        for user in self.users:
            roles = [role for role in user.roles if role.ods == self.system.organisation]
            if (
                user.assurance != "AAL1"
                and len(user.roles) == 1
                and any("B0370" in (role.activities or ()) for role in roles)
            ):
                return user
        return self.users[0]


def screens() -> tuple[Screen, ...]:
    """All nine."""
    return tuple(Screen(product=product, system=cast.default_system(product)) for product in NAMES)


def screen(product: str) -> Screen | None:
    """One of them."""
    return next((one for one in screens() if one.product == product), None)


def patients() -> tuple[Patient, ...]:
    """The list every screen shows: one patient for each part of the cast."""
    return tuple({patient.case: patient for patient in reversed(cast.patients())}.values())[::-1]
