"""Calls in a SQL database: `SqlRepository`."""

from callkit.backends.repositories.sql.repository import SqlRepository

__all__ = ["SqlRepository"]
