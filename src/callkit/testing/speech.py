"""What every repository must do with what was said: the part of `RepositoryContract` about transcripts."""

from typing import Any
from uuid import UUID

import pytest
from attrs import evolve

from callkit.core.analysis import Results
from callkit.core.call import Call
from callkit.core.parsing import parse
from callkit.core.query import Phrase, Query
from callkit.core.transcript import Segment, Transcript, Word
from callkit.protocols import Repository
from callkit.testing.agreement import NOW, some_call, some_results
from callkit.testing.contract import Contract

__all__ = ["SpeechContract", "spoken"]


def spoken(*lines: str, **facts: Any) -> Results:
    """Results with a transcript: the customer says the first line, the agent the second, and so on."""
    segments = tuple(Segment(float(number), number + 0.5, text, number % 2) for number, text in enumerate(lines))
    transcript = Transcript(segments, "en", float(len(lines)), "scripted", **facts)
    return evolve(some_results(), transcript=transcript, sides=("customer", "agent"))


class SpeechContract(Contract):
    """What was said is kept as it came, and found by its words."""

    def said(self, repository: Repository, *lines: str, second: float = 0, **facts: Any) -> Call:
        """A call in which this was said."""
        repository.add(call := some_call(second, **facts))
        repository.save(call := evolve(call, version=1), spoken(*lines))
        return call

    def found(self, repository: Repository, text: str) -> list[UUID]:
        """The ids of the first calls of an answer."""
        page = repository.find(parse(text))
        assert repository.count(parse(text)) == len(page)
        return [call.id for call in page]

    def test_transcripts_come_back_exactly(self, repository: Repository) -> None:
        words = (Word(0.1 + 0.2, 1 / 3, "Да,", 0.1), Word(1e-320, 5e22, "нет", None))
        segments = (Segment(0.1, 1 / 3, "Да, нет", 1, "Б", "ru-RU", 0.7, words), Segment(0, 1e300, "", None))
        repository.add(call := some_call())
        results = evolve(spoken(), transcript=Transcript(segments, "ru", 0.1, "x", "y", dropped_words=3))
        repository.save(evolve(call, version=1), results)
        assert repository.results([call.id]) == {call.id: results}

    def test_words_are_found_in_whatever_form(self, repository: Repository) -> None:
        call = self.said(repository, "I want my REFUNDS, ёлка! 𞤀𞤣𞤤𞤢𞤥 cafe\u0301", "退款 для возврата")
        self.said(repository, "Nothing of it", "ничего", second=1)
        for text in (
            "refund",
            "refunding",
            "елки",
            "возврат",
            "退款",
            "𞤢𞤣𞤤𞤢𞤥",
            "café",
            '"my refund"',
            "said:want refund OR nothing said:my",
        ):
            assert self.found(repository, text) == [call.id], text
        for text in ("fund", "款退", '"refund my"', '"елка 退"', "refund nothing"):
            assert self.found(repository, text) == [], text

    def test_common_words_are_words(self, repository: Repository) -> None:
        call = self.said(repository, "to be or not to be and the", "и не я")
        for text in ('"to be or not to be"', "said:the", "said:не", "said:и -said:он", "customer:or"):
            assert self.found(repository, text) == [call.id], text

    def test_who_said_it_can_be_asked(self, repository: Repository) -> None:
        call = self.said(repository, "cancel my", "order", "order please")
        assert self.found(repository, 'customer:"cancel my order"') == [call.id]
        assert self.found(repository, "agent:order customer:please") == [call.id]
        assert self.found(repository, "agent:please") == self.found(repository, 'agent:"cancel"') == []

    def test_nobody_says_what_two_say_in_turn(self, repository: Repository) -> None:
        sides = ("agent", "agent")
        repository.add(call := some_call())
        repository.save(evolve(call, version=1), evolve(spoken("cancel my", "order"), sides=sides))
        assert self.found(repository, '"cancel my order"') == []
        assert self.found(repository, "agent:cancel agent:order") == [call.id]

    def test_where_it_was_said_is_shown(self, repository: Repository) -> None:
        call = self.said(repository, "Refund? No refund.", "Well…", "What about my", "Hm", "refund?", "Refund!")
        page = repository.find(parse("refund"))
        shown = [(one.start, one.end, one.channel, one.side, one.text, one.marks) for one in page.passages[call.id]]
        assert shown == [
            (0.0, 0.5, 0, "customer", "Refund? No refund.", ((0, 6), (11, 17))),
            (4.0, 4.5, 0, "customer", "refund?", ((0, 6),)),
            (5.0, 5.5, 1, "agent", "Refund!", ((0, 6),)),
        ]
        assert [one.start for one in repository.find(parse('"my refund"')).passages[call.id]] == [2.0, 4.0]
        for text in ("", "-zebra", "tag:x OR -zebra"):
            assert repository.find(parse(text)).passages == {}

    def test_what_is_synthetic_was_not_said(self, repository: Repository) -> None:
        repository.add(call := some_call())
        repository.save(evolve(call, version=1), results := spoken("refund", synthetic=True))
        assert repository.results([call.id]) == {call.id: results}
        assert self.found(repository, "refund") == []
        assert self.found(repository, "-refund") == [call.id]

    def test_new_results_take_the_place_of_what_was_said(self, repository: Repository) -> None:
        call = self.said(repository, "refund", "order")
        repository.save(call := evolve(call, version=2), spoken("order", "voucher"))
        assert self.found(repository, "refund") == []
        assert self.found(repository, "customer:order voucher") == [call.id]
        repository.save(call := evolve(call, version=3))
        assert self.found(repository, "voucher") == [call.id]
        repository.save(evolve(call, version=4), some_results())
        assert self.found(repository, "order") == self.found(repository, "voucher") == []

    def test_erasing_forgets_what_was_said(self, repository: Repository) -> None:
        call = self.said(repository, "refund", "order")
        other = self.said(repository, "refund", second=1)
        repository.save(call.erase(NOW))
        assert self.found(repository, "refund") == [other.id]
        assert self.found(repository, "order") == []
        assert repository.results([call.id]) == {}

    def test_words_and_all_else(self, repository: Repository) -> None:
        one = self.said(repository, "refund order", caller="+4420", tags=["vip"], silence_share=0.5)
        two = self.said(repository, "refund", second=1, caller="+4421", silence_share=0.2, overlap_share=0.1)
        named = some_call(2, receiver="sip:refunds@pbx", talk_share=0.9)
        repository.add(named)
        assert self.found(repository, "refund") == [named.id, two.id, one.id]
        assert self.found(repository, "said:refund") == [two.id, one.id]
        assert self.found(repository, "refund silence>30%") == self.found(repository, "refund +4420") == [one.id]
        assert self.found(repository, "refund tag:vip") == self.found(repository, "refund order") == [one.id]
        assert self.found(repository, "refund overlap=10% OR talk>80%") == [named.id, two.id]
        assert self.found(repository, "refund -order") == [named.id, two.id]
        order, refund = (Query(phrases=[Phrase.of(word)]) for word in ("order", "refund"))
        for tags, left in (({"vip"}, [two.id]), ({"other"}, [two.id, one.id])):
            wanted = refund & Query(without=[order & Query(tags=tags)])
            assert [call.id for call in repository.find(wanted)] == left
        assert self.found(repository, "-overlap>5%") == [named.id, one.id]

    def test_the_best_come_first(self, repository: Repository) -> None:
        lines = [("refund",), ("refund order", "refund"), ("nothing",), ("refund refund refund refund",), ("refund",)]
        calls = [self.said(repository, *some, second=number) for number, some in enumerate(lines)]
        page = repository.find(parse("said:refund OR said:order"), limit=3, order="best")
        assert [call.id for call in page] == [calls[place].id for place in (1, 3, 4)]
        assert page.next is None
        assert set(page.passages) == {call.id for call in page}
        assert repository.find(Query(), order="best").items == repository.find(Query()).items

    def test_pages_of_words_are_full(self, repository: Repository) -> None:
        calls = [self.said(repository, "refund" if number % 2 else "order", second=number) for number in range(9)]
        seen, after = [], None
        for _ in range(5):
            page = repository.find(parse("refund OR number:xyz"), limit=1, after=after)
            seen += [call.id for call in page]
            after = page.next
            if after is None:
                break
        assert seen == [calls[place].id for place in (7, 5, 3, 1)]

    @pytest.mark.parametrize(
        "text",
        ["refund " * 1400, "r" * 10_000, "退" * 9_999, "😀" * 5000 + " refund", "\0\0 refund", "a'b\"*:^() NEAR -"],
    )
    def test_any_text_can_be_sought(self, repository: Repository, text: str) -> None:
        call = self.said(repository, text, "refund")
        self.said(repository, "zebra", second=1)
        words = Phrase.of(text)
        assert [one.id for one in repository.find(Query(phrases=[words]))] == [call.id]
        assert list(repository.find(Query(phrases=[Phrase((*words.words, "absent"))]))) == []

    def test_many_words_at_once_can_be_sought(self, repository: Repository) -> None:
        call = self.said(repository, " ".join(f"w{number}" for number in range(300)))
        some = [Phrase((f"w{number}",)) for number in range(300)]
        absent = Query(phrases=[Phrase(("absent",))])
        for query in (Query(phrases=some), Query(any_of=[[absent, Query(phrases=[one])] for one in some])):
            assert [one.id for one in repository.find(query)] == [call.id]
            assert list(repository.find(query & absent)) == []
