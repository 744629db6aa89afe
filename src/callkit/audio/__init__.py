"""Bytes → blocks → facts. Knows nothing of calls, databases or files' owners."""
