"""What every reader of JSON here asks of an object: that each member stands in it once (RFC 8259 section 4). Pure."""

from typing import Any

from gateway.domain.errors import InvalidValue


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For the `object_pairs_hook` of `json.loads`: which of two values counts must not hang on the reader.

    Raises InvalidValue, which repeats no name, as the sender may have made it up.
    """
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidValue("a member of an object is given twice")
    return members
