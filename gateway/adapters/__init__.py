"""One file per calling system: its wire form to domain values and back, nothing else."""
