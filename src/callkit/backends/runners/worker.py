"""The worker process's own side: takes tasks one after the other, and ends when its parent is gone."""

import os
import pickle
import signal
import sys
import traceback
from queue import SimpleQueue
from threading import Thread
from typing import BinaryIO

__all__ = ["COMMAND", "Failure", "serve"]

COMMAND = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from callkit.backends.runners.worker import serve; serve()"
)
"""For the interpreter. The parent's `__main__` is not run again: it may be a script without a guard, and would act."""

Failure = tuple[str, str]
"""What a task raised: name of the type, traceback."""


def serve() -> None:
    """Answer None or a `Failure` to each task (bytes of a pickle), until told to end by None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to decide on
    requests, answers = _own_pipes()
    tasks: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_listen, args=(requests, tasks), daemon=True).start()
    _send(answers, None)
    while (task := tasks.get()) is not None:
        _send(answers, _run(task))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent, where no `print`, C library or subprocess of a task gets at them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # the parent has no stderr
        os.dup2(nothing, 1)
    os.close(nothing)
    sys.stdout = sys.stderr
    return requests, answers


def _listen(requests: BinaryIO, tasks: "SimpleQueue[bytes | None]") -> None:
    """Without its parent a worker ends at once: nobody would stop it if it hung, nor make room for its memory."""
    try:
        while True:
            tasks.put(task := pickle.load(requests))
            if task is None:
                return
    except BaseException:
        os._exit(1)


def _send(answers: BinaryIO, answer: Failure | None) -> None:
    pickle.dump(answer, answers)
    answers.flush()


def _run(task: bytes) -> Failure | None:
    try:
        pickle.loads(task)()
    except BaseException as error:  # SystemExit, too: a task does not end its worker
        return type(error).__name__, traceback.format_exc()
    return None
