"""Which products have a stub: the one table of names. Imports nothing, so that `vendor-stub --help` is quick."""

PRODUCTS: dict[str, str] = {
    "adastra": "vendor_stubs.adastra",
    "cleo": "vendor_stubs.cleo",
    "emis-web": "vendor_stubs.emis_web",
    "mini-service": "vendor_stubs.mini_service",
    "scra": "vendor_stubs.scra",
    "symphony": "vendor_stubs.symphony",
}
"""Product -> the module whose PRODUCT it is."""

ALIASES: dict[str, str] = {"ncrs": "scra"}
"""Another name -> the product it stands for."""
