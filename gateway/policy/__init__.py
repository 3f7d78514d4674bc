"""Who may see what: facts in, decision out. Pure; knows no wire, no store and no clock.

`decide` is the one question; `current` names the settings in force at an instant; `held` says which recorded permission counts.
"""

from gateway.policy.answer import decide, held
from gateway.policy.settings import PolicySettings, current

__all__ = ["PolicySettings", "current", "decide", "held"]
