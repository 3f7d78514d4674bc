"""Which products have a stub: the one table of names. Imports nothing, so that `vendor-stub --help` is quick."""

PRODUCTS: dict[str, str] = {
    "adastra": "vendor_stubs.adastra",
    "cleo": "vendor_stubs.cleo",
    "emis-web": "vendor_stubs.emis_web",
    "lorenzo": "vendor_stubs.lorenzo",
    "mini-service": "vendor_stubs.mini_service",
    "pharmoutcomes": "vendor_stubs.pharmoutcomes",
    "rio": "vendor_stubs.rio",
    "scra": "vendor_stubs.scra",
    "sonar": "vendor_stubs.sonar",
    "symphony": "vendor_stubs.symphony",
    "systmone": "vendor_stubs.systmone",
}
"""Product -> the module whose PRODUCT it is."""

ALIASES: dict[str, str] = {"ncrs": "scra"}
"""Another name -> the product it stands for."""
