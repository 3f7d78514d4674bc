"""What a product declares about itself, and how one is found by its name.

Modules are imported when their product is asked for, so that one product's trouble is not another's.
"""

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import click

from vendor_stubs.calling.errors import WrongUsage
from vendor_stubs.calling.http import Calls
from vendor_stubs.calling.names import ALIASES, PRODUCTS
from vendor_stubs.calling.options import PERMISSIONS, Part, RawRequest, ViewRequest
from vendor_stubs.calling.raw import RawResult
from vendor_stubs.calling.result import ViewResult

EVERYTHING = frozenset(Part)


@dataclass(frozen=True, kw_only=True)
class Product:
    """A simulated calling system."""

    name: str
    """As in the cast."""
    view: Callable[[ViewRequest, Calls], Awaitable[ViewResult]]
    carries: frozenset[Part] = EVERYTHING
    """The optional parts its messages have a place for."""
    permissions: frozenset[str] = frozenset(PERMISSIONS)
    """The answers of --permission its messages can tell."""
    refuses: Callable[[ViewRequest], str | None] | None = None
    """Anything else its messages cannot tell, as a sentence."""
    raw: Callable[[RawRequest, Calls], Awaitable[RawResult]] | None = None
    commands: tuple[click.Command, ...] = ()
    """Commands beside view and raw."""

    def check(self, request: ViewRequest) -> None:
        """Raises WrongUsage where the product's messages have no place for what is asked."""
        missing = sorted(request.parts - self.carries)
        if missing:
            raise WrongUsage(f"the {self.name} door has no place for {missing[0]}")
        if request.permission not in self.permissions:
            raise WrongUsage(f"the {self.name} door has no place for --permission {request.permission}")
        sentence = self.refuses(request) if self.refuses is not None else None
        if sentence is not None:
            raise WrongUsage(sentence)


def product(name: str) -> Product:
    """The product of this name or alias. KeyError for an unknown one."""
    found = importlib.import_module(PRODUCTS[ALIASES.get(name, name)]).PRODUCT
    assert isinstance(found, Product)
    return found
