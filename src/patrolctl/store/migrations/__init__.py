"""Alembic's scripts; :func:`patrolctl.store.engine.migrate` runs them."""
