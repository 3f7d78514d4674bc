"""Paths of elements in a text that is not well-formed, so that no tree can tell them."""

from collections.abc import Iterator

from gateway.xml.names import PREFIX_OF
from gateway.xml.paths import Bindings
from gateway.xml.source import Tag
from gateway.xml.spoken import may_be_said

DEEPEST = 100
"""Levels of a path; no well-formed message that is taken has more."""


def path_of_tag(tag: Tag | None) -> tuple[str, Bindings]:
    """XPath of an element of a `Source` and the prefixes it uses; empty where there is none or it stands too deep.

    An element whose name may not be said, or whose namespace is not one of ours, is `*` with its place among all its siblings.
    """
    chain = list(_upwards(tag))
    if not chain or len(chain) > DEEPEST:
        return "", ()
    bindings: dict[str, str] = {}
    steps = [_step(one, bindings) for one in reversed(chain)]
    return "/" + "/".join(steps), tuple(sorted(bindings.items()))


def _upwards(tag: Tag | None) -> Iterator[Tag]:
    while tag is not None:
        yield tag
        tag = tag.parent


def _step(tag: Tag, bindings: dict[str, str]) -> str:
    written, _, local = tag.name.rpartition(":")
    uri = next((one.bound[written] for one in _upwards(tag) if written in one.bound), "")
    prefix = PREFIX_OF.get(uri)
    if not may_be_said(local) or (prefix is None and (uri or written)):
        return f"*[{tag.place}]"
    name = f"{prefix}:{local}" if prefix else local
    if prefix:
        bindings[prefix] = uri
    alone = tag.parent is None or tag.parent.named[tag.name] == 1
    return name if alone else f"{name}[{tag.nth}]"
