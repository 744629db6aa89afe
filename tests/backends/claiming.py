"""Processes that claim the same calls, as workers do."""

from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from uuid import UUID

from callkit.backends.repositories.sql import SqlRepository
from callkit.errors import StaleCallError
from callkit.testing.agreement import NOW, RECORDING, some_call

__all__ = ["check_no_double_claim"]


def check_no_double_claim(repository: SqlRepository) -> None:
    """Of four processes that go through all calls, each call is claimed by exactly one."""
    waiting = [some_call(second).attach(RECORDING, NOW) for second in range(150)]
    for call in waiting:
        repository.add(call)
    ids = [call.id for call in waiting]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_claim_all, repository.url, ids, owner) for owner in "abcd"]
        won = [call_id for future in futures for call_id in future.result(120)]
    assert sorted(won) == sorted(ids)
    assert {repository.get(call_id).version for call_id in ids} == {waiting[0].version + 1}


def _claim_all(url: str, ids: list[UUID], owner: str) -> list[UUID]:
    """Claim each call that can be had."""
    repository, won = SqlRepository(url), []
    for call_id in ids:
        call = repository.get(call_id)
        if call.lease is None:
            try:
                repository.save(call.claim(owner, call.started_at, timedelta(seconds=30)))
            except StaleCallError:
                continue
            won.append(call_id)
    repository.close()
    return won
