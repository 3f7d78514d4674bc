"""The `vendor-stub` command, and `python -m vendor_stubs`. A stop (Ctrl-C) while the command is still being loaded ends it in silence."""

import sys


def run() -> None:
    """Loads the command and runs it to its end."""
    try:
        from vendor_stubs.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
