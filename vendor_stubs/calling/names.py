"""Which products have a stub: the one table of names. Imports nothing, so that `vendor-stub --help` is quick."""

PRODUCTS: dict[str, str] = {
    "adastra": "vendor_stubs.adastra",
    "mini-service": "vendor_stubs.mini_service",
}
"""Product -> the module whose PRODUCT it is."""

ALIASES: dict[str, str] = {}
"""Another name -> the product it stands for."""
