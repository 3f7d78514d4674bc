"""`python -m tests.soak [--minutes 60] [--database sqlite|postgresql|both] [--rate 3] [--seed N]`: exit status 1 where anything is violated.

With both databases each has half of the time.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.running import free_base
from tests.soak.running import Plan, soak
from tests.soak.summary import summary


def main() -> None:
    """Runs one leg or both and prints a summary of each."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--rate", type=float, default=3.0, help="actions of clients a second, each about six requests")
    parser.add_argument("--workers", type=int, default=2, choices=range(2, 9))
    parser.add_argument("--seed", type=int, default=None, help="the same seed gives the same order of actions")
    parser.add_argument("--port-base", type=int, default=None)
    parser.add_argument("--data-dir", type=Path, default=None, help="kept; else a folder that is removed at the end")
    said = parser.parse_args()
    seed = said.seed if said.seed is not None else secrets.randbelow(10**6)
    kinds = ("sqlite", "postgresql") if said.database == "both" else (said.database,)
    violated = False
    with tempfile.TemporaryDirectory(prefix="scr-soak-") as folder:
        for kind in kinds:
            print(f"soak on {kind}: {said.minutes / len(kinds):g} minutes, seed {seed}", flush=True)
            plan = Plan(
                kind=kind,
                seconds=said.minutes * 60 / len(kinds),
                rate=said.rate,
                seed=seed,
                workers=said.workers,
                base=said.port_base or free_base(),
                data=(said.data_dir or Path(folder)) / kind,
            )
            report = asyncio.run(soak(plan))
            print(summary(report), flush=True)
            violated = violated or bool(report.violations)
    sys.exit(1 if violated else 0)


if __name__ == "__main__":
    main()
