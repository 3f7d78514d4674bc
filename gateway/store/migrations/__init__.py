"""Migrations of the tables, run by gateway.store.engine.upgrade."""
