"""What is said of a task that raised: never its message, for that may name a file, and the file a caller."""

import logging

__all__ = ["log_failure"]

log = logging.getLogger("callkit.runners")


def log_failure(task: str, error: str, trace: str) -> None:
    """Log that a task, by the name of its class, raised an error of this type; the traceback at level DEBUG."""
    log.error("%s raised %s and was dropped", task, error)
    log.debug("%s", trace)
