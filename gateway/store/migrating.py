"""Runs the migrations. Loaded only by a process that finds the tables older than they should be."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, built in code: there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    return config


def to_newest(connection: Connection) -> None:
    """Every migration that this database has not seen, in its transaction. Raises as the database does."""
    command.upgrade(alembic_config(connection), "head")
