"""Keys of the identity stub, made once for all identity tests."""

import pytest

from vendor_stubs.identity.keys import KeyRing, SamlKey, new_saml_key


@pytest.fixture(scope="session")
def ring() -> KeyRing:
    """Keys of a stub that nobody rotates."""
    return KeyRing()


@pytest.fixture(scope="session")
def saml_key() -> SamlKey:
    """The signing key of assertions."""
    return new_saml_key()
