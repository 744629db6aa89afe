"""What every repository must do: subclass `RepositoryContract` and give it yours."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings

from callkit.core.analysis import Results
from callkit.core.call import Call, Lease
from callkit.core.page import Page, turn_pages
from callkit.core.parsing import parse
from callkit.core.query import Query
from callkit.errors import CallExistsError, CallNotFoundError, InvalidQueryError, StaleCallError
from callkit.protocols import Repository
from callkit.testing.agreement import NOW, RECORDING, NewRepository, agree, all_pages, some_call, some_results
from callkit.testing.speech import SpeechContract
from callkit.testing.strategies import Story, calls, results, stories

__all__ = ["RepositoryContract"]

_LEASE = timedelta(seconds=30)
# The fixture is a maker of repositories: each example has its own. Subclasses are different executors, on purpose
_EXAMPLES = settings(deadline=None, suppress_health_check=list(HealthCheck))


class RepositoryContract(SpeechContract):
    """A repository keeps every promise of `callkit.protocols.Repository`.

    The subclass has a fixture `new_repository`: a function that makes a new, empty one.
    """

    @pytest.fixture
    def new_repository(self) -> NewRepository:
        """Makes repositories to be tested."""
        raise NotImplementedError("Give the subclass of RepositoryContract a fixture `new_repository`.")

    @pytest.fixture
    def repository(self, new_repository: NewRepository) -> Iterator[Repository]:
        """The repository to be tested."""
        with closing(new_repository()) as repository:
            yield repository

    def ids(self, repository: Repository, query: Query | None = None, limit: int = 20) -> list[UUID]:
        """The ids of all calls of an answer, in its order."""
        wanted = query or Query()
        return [call.id for call in turn_pages(lambda after: repository.find(wanted, limit=limit, after=after))]

    # ---- calls

    @_EXAMPLES
    @given(call=calls())
    def test_a_call_comes_back_as_it_was_added(self, new_repository: NewRepository, call: Call) -> None:
        with closing(new_repository()) as repository:
            repository.add(call)
            assert repository.get(call.id) == call
            assert repository.find(Query()).items == (call,)

    def test_an_unknown_call_is_not_found(self, repository: Repository) -> None:
        repository.add(some_call())
        call = some_call()
        for use in (lambda: repository.get(call.id), lambda: repository.save(evolve(call, version=1))):
            with pytest.raises(CallNotFoundError) as caught:
                use()
            assert caught.value.call_id == str(call.id)

    def test_ids_are_unique(self, repository: Repository) -> None:
        repository.add(call := some_call(source="pbx", external_id="1", caller="101", tags=["a"]))
        with pytest.raises(CallExistsError) as caught:
            repository.add(some_call(1, id=call.id, source="pbx", external_id="2", caller="102", tags=["b"]))
        assert (caught.value.source, caught.value.external_id) == ("pbx", "2")
        self.check_only(repository, call)

    def test_external_ids_are_unique_for_each_source(self, repository: Repository) -> None:
        repository.add(call := some_call(source="pbx", external_id="1", caller="101", tags=["a"]))
        with pytest.raises(CallExistsError) as caught:
            repository.add(some_call(1, source="pbx", external_id="1", caller="102", tags=["b"]))
        assert (caught.value.source, caught.value.external_id) == ("pbx", "1")
        self.check_only(repository, call)
        repository.add(other := some_call(source="PBX", external_id="1"))
        assert self.ids(repository) == [other.id, call.id]

    def check_only(self, repository: Repository, call: Call) -> None:
        """Nothing of another call was kept."""
        assert repository.find(Query()).items == (call,)
        assert self.ids(repository, Query(numbers=("102",))) == self.ids(repository, parse("tag:b")) == []

    def test_a_save_replaces_the_version_before(self, repository: Repository) -> None:
        repository.add(call := some_call(caller="101", tags=["a"], metadata={"queue": "sales"}))
        repository.add(other := some_call(1))
        repository.save(attached := call.attach(RECORDING, NOW))
        assert repository.get(call.id) == attached
        repository.save(annotated := attached.annotate(NOW, tags=["b"], metadata={}))
        assert repository.get(call.id) == annotated
        assert self.ids(repository, parse("tag:a")) == []
        assert self.ids(repository, parse("tag:b")) == [call.id]
        assert repository.get(other.id) == other

    def test_a_stale_save_changes_nothing(self, repository: Repository) -> None:
        repository.add(call := some_call())
        repository.save(first := call.attach(RECORDING, NOW), some_results("first"))
        for version in (0, 1, 3):
            with pytest.raises(StaleCallError) as caught:
                repository.save(evolve(first, version=version, caller="102"), some_results("late"))
            assert (caught.value.call_id, caught.value.version) == (str(call.id), version)
        assert repository.get(call.id) == first
        assert repository.results([call.id]) == {call.id: some_results("first")}

    def test_what_never_changes_is_ignored(self, repository: Repository) -> None:
        repository.add(call := some_call(source="pbx", external_id="1"))
        other = some_call(5, id=call.id, created_at=NOW + _LEASE, source="x", external_id="y", version=1, caller="1")
        repository.save(other)
        assert repository.get(call.id) == evolve(call, version=1, caller="1")
        repository.add(some_call(5, source="x", external_id="y"))

    # ---- results

    @_EXAMPLES
    @given(measured=results())
    def test_results_come_back_as_they_were_saved(self, new_repository: NewRepository, measured: Results) -> None:
        with closing(new_repository()) as repository:
            repository.add(call := some_call())
            repository.save(evolve(call, version=1), measured)
            assert repository.results([call.id]) == {call.id: measured}

    def test_results_stay_until_others_come(self, repository: Repository) -> None:
        repository.add(call := some_call())
        assert repository.results([call.id]) == {}
        repository.save(evolve(call, version=1), some_results("one"))
        repository.save(evolve(call, version=2))
        assert repository.results([call.id]) == {call.id: some_results("one")}
        repository.save(evolve(call, version=3), some_results("two"))
        assert repository.results([call.id]) == {call.id: some_results("two")}

    def test_results_are_of_the_calls_asked_for(self, repository: Repository) -> None:
        added = [some_call(second) for second in range(3)]
        for call in added:
            repository.add(call)
        for call in added[:2]:
            repository.save(evolve(call, version=1), some_results(str(call.id)))
        asked = [added[1].id, uuid4(), added[2].id, *(uuid4() for _ in range(2000)), added[1].id, added[0].id]
        expected = {call.id: some_results(str(call.id)) for call in added[:2]}
        assert repository.results(asked) == expected
        assert repository.results([]) == {}

    def test_erasing_forgets_numbers_tags_and_results(self, repository: Repository) -> None:
        repository.add(call := some_call(caller="+442079460018", receiver="101", tags=["vip"]))
        repository.add(other := some_call(1, caller="+442079460019", receiver="101"))
        repository.save(evolve(call, version=1), some_results())
        repository.save(erased := repository.get(call.id).erase(NOW, "asked for"), some_results())
        assert repository.get(call.id) == erased
        assert repository.results([call.id]) == {}
        for query in (Query(numbers=["0018"]), Query(numbers=["+442079460018"]), parse("tag:vip")):
            assert self.ids(repository, query) == []
        assert self.ids(repository, Query(numbers=["101"])) == [other.id]
        assert self.ids(repository, parse("status:erased")) == [call.id]

    # ---- searches

    @settings(_EXAMPLES, max_examples=200)
    @given(story=stories())
    def test_it_agrees_with_the_specification(self, new_repository: NewRepository, story: Story) -> None:
        with closing(new_repository()) as repository:
            agree(repository, story)

    def test_the_newest_come_first(self, repository: Repository) -> None:
        seconds = [0.0, -1e9, 0.001, 5.0, 0.0, -3e9, 0.0]
        added = [some_call(second) for second in seconds]
        for call in added:
            repository.add(call)
        assert self.ids(repository) == [added[place].id for place in (3, 2, 6, 4, 0, 1, 5)]

    @pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 8, 100])
    def test_only_the_last_page_is_short(self, repository: Repository, limit: int) -> None:
        added = [some_call(second // 2) for second in range(8)]
        for call in added:
            repository.add(call)
        pages = all_pages(repository, Query(), limit)
        assert [call for page in pages for call in page] == added[::-1]
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert 1 <= len(pages[-1]) <= limit

    def test_an_empty_answer_is_a_last_page(self, repository: Repository) -> None:
        assert repository.find(Query()) == Page(())
        repository.add(some_call(caller="101"))
        assert repository.find(Query(numbers=["102"]), limit=1) == Page(())

    def test_calls_that_come_meanwhile_disturb_no_page(self, repository: Repository) -> None:
        added = [some_call(second) for second in (0, 0, 1, 1)]
        for call in added:
            repository.add(call)
        page = repository.find(Query(), limit=2)
        assert list(page) == [added[3], added[2]]
        for second in (9, 1, 1):  # newer than what was shown: on no later page
            repository.add(some_call(second))
        repository.add(late := some_call(0))
        rest = repository.find(Query(), limit=9, after=page.next)
        assert list(rest) == [late, added[1], added[0]]

    def test_a_page_may_begin_where_a_call_is_no_longer_found(self, repository: Repository) -> None:
        for call in (added := [some_call(second, tags=["a"]) for second in range(4)]):
            repository.add(call)
        page = repository.find(parse("tag:a"), limit=2)
        repository.save(added[2].annotate(NOW, tags=[]))
        assert list(repository.find(parse("tag:a"), after=page.next)) == [added[1], added[0]]

    @pytest.mark.parametrize("text", ["", "20", "привет", "z" * 40, "!!!", "\0"])
    def test_what_is_no_cursor_is_refused(self, repository: Repository, text: str) -> None:
        repository.add(some_call())
        with pytest.raises(InvalidQueryError):
            repository.find(Query(), after=text)

    def test_a_cursor_is_a_place_in_time(self, repository: Repository) -> None:
        added = [some_call(second) for second in range(6)]
        for call in added:
            repository.add(call)
        late, early = (repository.find(Query(until=added[place].started_at), limit=1).next for place in (5, 2))
        days = Query(since=added[1].started_at, until=added[3].started_at)
        assert list(repository.find(days, after=late)) == [added[2], added[1]]
        assert list(repository.find(days, after=early)) == []

    def test_times_at_the_edges_can_be_asked_for(self, repository: Repository) -> None:
        first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
        repository.add(call := some_call(started_at=first))
        assert self.ids(repository, Query(since=first, until=last)) == [call.id]
        assert self.ids(repository, Query(since=last)) == self.ids(repository, Query(until=first)) == []

    def test_counts_are_capped(self, repository: Repository) -> None:
        for second in range(5):
            repository.add(some_call(second, caller=f"{100 + second}"))
        assert [repository.count(Query(), at_most=most) for most in (0, 3, 4, 5, 6)] == [1, 4, 5, 5, 5]
        assert repository.count(Query(numbers=["10"])) == 5
        assert repository.count(Query(numbers=["103"])) == 1
        assert repository.count(Query(numbers=["999"])) == 0

    def test_waiting_calls_are_found(self, repository: Repository) -> None:
        stored = [some_call(second).attach(RECORDING, NOW) for second in range(4)]
        claimed = [call.claim("w", NOW, _LEASE) for call in stored[1:3]]
        for call in (stored[0], *claimed, stored[3].fail("x", "y", NOW), some_call(9)):
            repository.add(call)
        assert self.ids(repository, Query(unclaimed_at=NOW)) == [stored[0].id]
        almost = NOW + _LEASE - timedelta(microseconds=1)
        assert self.ids(repository, Query(unclaimed_at=almost)) == [stored[0].id]
        both = [stored[2].id, stored[1].id, stored[0].id]
        assert self.ids(repository, Query(unclaimed_at=NOW + _LEASE), limit=2) == both

    # ---- many at once

    def test_of_many_that_claim_one_wins(self, repository: Repository) -> None:
        waiting = [some_call(second).attach(RECORDING, NOW) for second in range(20)]
        for call in waiting:
            repository.add(call)
        barrier = Barrier(4)

        def claim(owner: str) -> int:
            barrier.wait(60)
            return sum(self.wins(repository, call.claim(owner, NOW, _LEASE)) for call in waiting)

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(claim, "abcd")) == len(waiting)
        for call in repository.find(Query()):
            assert isinstance(call.lease, Lease)
            assert call.version == waiting[0].version + 1

    def wins(self, repository: Repository, call: Call) -> bool:
        """Whether it could be saved."""
        try:
            repository.save(call)
        except StaleCallError:
            return False
        return True

    def test_threads_add_together(self, repository: Repository) -> None:
        groups = [[some_call() for _ in range(25)] for _ in range(4)]

        def add(group: list[Call]) -> None:
            for call in group:
                repository.add(call)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, groups))
        assert sorted(self.ids(repository, limit=7)) == sorted(call.id for group in groups for call in group)

    def test_it_can_be_used_after_it_was_closed(self, repository: Repository) -> None:
        repository.add(call := some_call())
        repository.close()
        repository.close()
        assert repository.get(call.id) == call

    def test_it_travels_to_another_process(self, repository: Repository) -> None:
        repository.add(call := some_call())
        copy: Repository = pickle.loads(pickle.dumps(repository))
        assert copy == repository
        assert copy.get(call.id) == call
