"""`python -m vendor_stubs`: the vendor-stub command."""

from vendor_stubs.cli import main

main()
