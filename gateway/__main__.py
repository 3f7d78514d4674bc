"""`python -m gateway`: the scr-gateway command."""

from gateway.cli import main

main()
