"""What can go wrong before there is an answer to judge. A refusal by the gateway is never an error here: it is a result.

CallingError
├── WrongUsage    an option is wrong, or the door has no place for it (exit status 2)
└── NoAnswer      nothing usable came back: not reachable, too slow, too large, or not what was asked for (exit status 1)
"""


class CallingError(Exception):
    """The base of both; the text is for the engineer at the prompt and names no patient."""


class WrongUsage(CallingError):
    """The command line asks for something that cannot be sent."""


class NoAnswer(CallingError):
    """There is no answer to judge."""
