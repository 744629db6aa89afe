"""How long a search for what was said takes among many transcripts, and whether it finds what it should.

    python -m benchmarks.transcript_search --data /var/tmp/callkit-benchmarks
    python -m benchmarks.transcript_search --small              # 2,000 transcripts, seconds
    python -m benchmarks.transcript_search --postgres           # on a PostgreSQL of its own, which is gone afterwards
    python -m benchmarks.transcript_search --database postgresql://user@host/empty

Transcripts of 300 words in 25 segments, of two parties on two channels, half of them English, half Russian. Words are
made up; a few are in most calls, most in few (Zipf), and each has words that often follow it, so that phrases are said
again and again. The first page (20 calls, with passages) is asked for through `SqlRepository.find`, and held against a
scan of all calls by `matches`. A database is made once and kept for the next run, unless the server is its own.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from json import loads
from pathlib import Path
from tempfile import gettempdir
from time import perf_counter
from uuid import uuid4

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray
from sqlalchemy import insert, text

from benchmarks.number_search import DAYS, PAGE, START, Line, call, company, costs, line, print_table, row, subscriber
from callkit.backends.repositories.sql import SqlRepository
from callkit.backends.repositories.sql.engine import open_database
from callkit.backends.repositories.sql.rows import to_call
from callkit.backends.repositories.sql.tables import calls
from callkit.backends.repositories.sql.transcripts import add_transcripts
from callkit.core.analysis import Analysis, Results
from callkit.core.call import Status
from callkit.core.parsing import parse
from callkit.core.query import Query, matches
from callkit.core.said import Said
from callkit.core.transcript import Segment, Transcript, Word
from tests import servers

WORDS = 300
SEGMENTS = 25
VOCABULARY = 20_000
FOLLOWERS = 12
_LANGUAGES = {
    "en": (("b", "c", "d", "f", "l", "m", "n", "p", "r", "s", "t", "v"), "aeiou", ("", "s", "ed", "ing", "")),
    "ru": (("б", "в", "г", "д", "к", "л", "м", "н", "п", "р", "с", "т"), "аеиоу", ("", "ы", "ов", "ами", "а")),
}
Chance = np.random.Generator


@frozen
class Kind:
    """A class of searches: what it is called, and how one is made, given a transcript that exists."""

    name: str
    made: Callable[["Source"], str]


@frozen
class Source:
    """What a search is made of: the words of a segment of some call, a vocabulary, and that call's caller."""

    words: Sequence[str]
    vocabulary: Sequence[str]
    caller: str
    chance: random.Random

    def word(self, first: int, last: int) -> str:
        """A word of such a rank: the first are the most common ones."""
        return self.vocabulary[self.chance.randrange(first, last)]

    def days(self) -> str:
        """Some month."""
        begin = START + timedelta(days=self.chance.randrange(DAYS - 30))
        return f"after:{begin:%Y-%m-%d} before:{begin + timedelta(days=30):%Y-%m-%d}"

    def phrase(self, words: int) -> str:
        """Said in this segment."""
        begin = self.chance.randrange(max(len(self.words) - words, 0) + 1)
        return f'"{" ".join(self.words[begin : begin + words])}"'


KINDS = (
    Kind("rare word", lambda it: f"said:{it.word(15_000, VOCABULARY)}"),
    Kind("word in some calls", lambda it: f"said:{it.word(1000, 3000)}"),
    Kind("common word", lambda it: f"said:{it.word(0, 30)}"),
    Kind("any word of a call", lambda it: f"said:{it.chance.choice(it.words)}"),
    Kind("bare word", lambda it: it.chance.choice(it.words)),
    Kind("phrase of 2", lambda it: it.phrase(2)),
    Kind("phrase of 3", lambda it: it.phrase(3)),
    Kind("phrase of the agent", lambda it: f"agent:{it.phrase(2)}"),
    Kind("two words", lambda it: " ".join(it.chance.sample(list(it.words), 2))),
    Kind("two common words", lambda it: f"{it.word(0, 60)} {it.word(0, 60)}"),
    Kind("one or the other", lambda it: f"{it.word(1000, 3000)} OR {it.word(100, 1000)}"),
    Kind("one, not the other", lambda it: f"{it.word(100, 1000)} -{it.word(0, 60)}"),
    Kind("word, in a month", lambda it: f"{it.chance.choice(it.words)} {it.days()}"),
    Kind("word, much silence", lambda it: f"{it.chance.choice(it.words)} silence>60%"),
    Kind("word, failed", lambda it: f"said:{it.word(0, 1000)} status:failed"),
    Kind("word, tagged", lambda it: f"said:{it.word(0, 1000)} tag:vip"),
    Kind("word, full number", lambda it: f"{it.chance.choice(it.words)} {it.caller}"),
    Kind("word, company number", lambda it: f"said:{it.chance.choice(it.words)} {company(it.chance.randrange(9))}"),
    Kind("rare, company number", lambda it: f"said:{it.word(9000, VOCABULARY)} {company(it.chance.randrange(9))}"),
    Kind("absent word", lambda it: f"said:zz{it.word(0, VOCABULARY)}"),
    Kind("absent phrase", lambda it: f'"{it.word(200, 2000)} {it.word(3000, 9000)} {it.word(200, 2000)}"'),
)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--small", action="store_true", help="2,000 calls")
    parser.add_argument("--postgres", action="store_true", help="on a new PostgreSQL server")
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL database, empty or filled by an earlier run")
    parser.add_argument("--rounds", type=int, default=100, help="searches of each class")
    parser.add_argument("--data", type=Path, default=Path(gettempdir()) / "callkit-benchmarks", metavar="DIR")
    options = parser.parse_args(argv)
    total = 2000 if options.small else options.calls
    with opened(options, total) as repository:
        fill(repository, total)
        searches = made(total, options.rounds)
        print_table(("newest 20 calls, ms", "p50", "p95", "CPU p50"), timed(repository, searches))
        wrong, checked = check(repository, searches)
        print(f"\n{checked} searches among {total} calls held against a scan: {wrong} wrong")
        print("\n".join(f"{name}: {size:,.0f} MB" for name, size in sizes(repository).items()))
        print_table(("one call, µs", "p50", "p95", "CPU p50"), single(repository, options.rounds))
    return 1 if wrong else 0


@contextmanager
def opened(options: argparse.Namespace, total: int) -> Iterator[SqlRepository]:
    """The repository to search."""
    if options.postgres:
        with servers.postgres() as server, closing(SqlRepository.open(server.url)) as repository:
            repository.upgrade()
            yield repository
        return
    place = options.database or options.data / f"transcripts-{total}.db"
    with closing(SqlRepository.open(place)) as repository:
        repository.upgrade()
        yield repository


# ---- the transcripts


@frozen
class Language:
    """Made-up words, the most common first, and which of them follow each."""

    name: str
    words: Sequence[str]
    share: NDArray[np.float64]
    followers: NDArray[np.int64]

    @classmethod
    def of(cls, name: str, seed: int) -> "Language":
        """A language that is the same each time."""
        consonants, vowels, endings = _LANGUAGES[name]
        syllables = [consonant + vowel for consonant in consonants for vowel in vowels]
        dice = random.Random(seed)
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            length = 1 + (len(words) > 40) + (len(words) > 2000)
            begin = "".join(dice.choices(syllables, k=length))
            words[begin + dice.choice(endings) + consonants[len(words) % 12]] = None
        ranks = np.arange(1, VOCABULARY + 1)
        share = (1 / ranks) / (1 / ranks).sum()
        chance = np.random.default_rng(seed)
        return cls(name, list(words), share.cumsum(), _drawn(chance, share.cumsum(), (VOCABULARY, FOLLOWERS)))

    def texts(self, chance: Chance, number: int) -> NDArray[np.int64]:
        """What is said in so many calls, as ranks: shape (number, WORDS)."""
        said = np.empty((number, WORDS), np.int64)
        said[:, 0] = _drawn(chance, self.share, (number,))
        for place in range(1, WORDS):
            habit = self.followers[said[:, place - 1], chance.integers(0, FOLLOWERS, number)]
            said[:, place] = np.where(chance.random(number) < 0.7, habit, _drawn(chance, self.share, (number,)))
        return said


def _drawn(chance: Chance, cumulated: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.searchsorted(cumulated, chance.random(shape) * cumulated[-1])
    return found


BATCH = 1000


def batch(number: int, size: int) -> Iterator[tuple[str, list[list[str]]]]:
    """The language and the segments' words of the calls of a batch, by turns; the same each time."""
    chance = np.random.default_rng(number)
    texts = [language.texts(chance, -(-size // 2)) for language in LANGUAGES()]
    step = WORDS // SEGMENTS
    for place in range(size):
        language = LANGUAGES()[place % 2]
        spoken = [language.words[rank] for rank in texts[place % 2][place // 2]]
        yield language.name, [spoken[begin : begin + step] for begin in range(0, WORDS, step)]


def LANGUAGES() -> tuple[Language, Language]:  # noqa: N802 - a table that is made when it is needed
    if not _made:
        _made.extend((Language.of("en", 1), Language.of("ru", 2)))
    return _made[0], _made[1]


_made: list[Language] = []


def transcript(language: str, spoken: Sequence[Sequence[str]]) -> Results:
    """Two parties in turn, two words a second."""
    segments = []
    for place, words in enumerate(spoken):
        begin = place * len(words) / 2
        timed = tuple([Word(begin + n / 2, begin + n / 2 + 0.4, word, 0.9) for n, word in enumerate(words)])
        said = f"{' '.join(words).capitalize()}."
        segments.append(Segment(begin, timed[-1].end, said, place % 2, None, language, 0.9, timed))
    return Results(ANALYSIS, Transcript(tuple(segments), language, WORDS / 2, "made up"), ("customer", "agent"))


ANALYSIS = Analysis(
    150.0, 8000, 2, 1_200_000, "wav", "pcm_s16le", None, False, (), (), 30.0, (), 1.0, "adaptive", {}, "benchmark"
)


def fill(repository: SqlRepository, total: int) -> None:
    """Add calls with transcripts, up to so many."""
    there = repository.count(Query(), at_most=total) if total else 0
    chance = random.Random(1)
    numbers = [subscriber(chance) for _ in range(total // 4)]
    taken: dict[int, int] = {}
    step = timedelta(days=DAYS) / total
    begun = perf_counter()
    for start in range(0, total, BATCH):
        size = min(BATCH, total - start)
        some = [row(call(place, START + place * step, numbers, chance), taken) for place in range(start, start + size)]
        if start < there:
            continue
        found = [transcript(*spoken) for spoken in batch(start // BATCH, size)]
        with open_database(repository.url).writing.begin() as connection:
            connection.execute(insert(calls), some)
            add_transcripts(connection, {int(str(one["pk"])): it for one, it in zip(some, found, strict=True)})
    if there < total:
        print(f"{total - there} transcripts added in {perf_counter() - begun:.0f} s", flush=True)
        if repository.url.startswith("postgresql"):  # as its own upkeep does a little later
            with open_database(repository.url).looking.connect() as connection:
                connection.execute(text("VACUUM ANALYZE"))


# ---- the searches

Searches = Mapping[str, Sequence[str]]


def made(total: int, rounds: int) -> Searches:
    """Texts of each class, from calls all over the two years."""
    chance = random.Random(2)
    dice = random.Random(1)
    numbers = [subscriber(dice) for _ in range(total // 4)]
    languages = {language.name: language.words for language in LANGUAGES()}
    searches: dict[str, list[str]] = {kind.name: [] for kind in KINDS}
    for _ in range(rounds):
        number = chance.randrange(-(-total // BATCH))
        spoken = list(batch(number, min(BATCH, total - number * BATCH)))
        for kind in KINDS:
            language, segments = chance.choice(spoken)
            source = Source(chance.choice(segments), languages[language], chance.choice(numbers), chance)
            searches[kind.name].append(kind.made(source))
    return searches


def timed(repository: SqlRepository, searches: Searches) -> Iterator[Line]:
    for name, texts in searches.items():
        queries = [parse(one) for one in texts]
        repository.find(queries[0], limit=PAGE)
        yield line(name, 1000, [costs(partial(repository.find, query, limit=PAGE)) for query in queries])


def single(repository: SqlRepository, rounds: int) -> Iterator[Line]:
    """What it costs to keep a call's results, without and with a transcript, among all the others."""
    spoken = list(batch(10**6, rounds))
    chance, numbers = random.Random(3), [subscriber(random.Random(4))]
    try:
        for name in ("save results", "with a transcript"):
            saves = []
            for place, one in enumerate(spoken):
                new = call(place, START - timedelta(minutes=place), numbers, chance)
                new = evolve(new, id=uuid4(), external_id=str(uuid4()), source=_INSERTED, status=Status.PROCESSING)
                repository.add(new)
                results = transcript(*one)
                results = results if "transcript" in name else evolve(results, transcript=None)
                saves.append(partial(repository.save, evolve(new, version=1), results))
            yield line(name, 1e6, [costs(save) for save in saves])
    finally:
        with repository.writing() as connection:
            connection.execute(text("DELETE FROM callkit_calls WHERE source = :source"), {"source": _INSERTED})


_INSERTED = "inserted by the benchmark"


def sizes(repository: SqlRepository) -> Mapping[str, float]:
    """MB of what transcripts take."""
    with open_database(repository.url).looking.connect() as connection:
        if repository.url.startswith("postgresql"):
            asked = {
                "words' index": "pg_indexes_size('callkit_speech_fts')",
                "words of calls": "pg_table_size('callkit_speech_fts')",
                "stems": "pg_total_relation_size('callkit_speech')",
                "segments": "pg_total_relation_size('callkit_segments')",
            }
        else:
            asked = {
                "words' index": "(SELECT sum(length(block)) FROM callkit_speech_fts_data)",
                "stems": "(SELECT sum(length(CAST(agent||customer||others||layouts AS BLOB))) FROM callkit_speech)",
                "segments": "(SELECT sum(length(CAST(text||words AS BLOB)) + 40) FROM callkit_segments)",
            }
        found = {name: connection.execute(text(f"SELECT {size}")).scalar_one() for name, size in asked.items()}
    return {name: float(size) / 1e6 for name, size in found.items()}


# ---- the truth


def check(repository: SqlRepository, searches: Searches) -> tuple[int, int]:
    """How many of some searches find other calls than a scan of all by `matches`, and how many were checked."""
    queries = [parse(one) for texts in searches.values() for one in texts[:2]]
    found = [[one.id for one in repository.find(query, limit=PAGE)] for query in queries]
    truth: list[list[object]] = [[] for _ in queries]
    names = ", ".join(f"c.{column.name}" for column in calls.c)
    everything = text(
        f"SELECT {names}, s.agent, s.customer, s.others, s.layouts FROM callkit_calls c "
        "LEFT JOIN callkit_speech s ON s.pk = c.pk WHERE c.pk < :before ORDER BY c.pk DESC LIMIT 2000"
    ).columns(*calls.c)
    before = (1 << 63) - 1
    while True:
        with open_database(repository.url).looking.connect() as connection:
            rows = connection.execute(everything, {"before": before}).all()
        if not rows:
            break
        before = rows[-1].pk
        for one in rows:
            _test(to_call(one[:-4]), one[-4:], queries, truth)
    return sum(mine != real for mine, real in zip(found, truth, strict=True)), len(queries)


def _test(one: object, texts: Sequence[str | None], queries: Sequence[Query], truth: list[list[object]]) -> None:
    agent, customer, others, layouts = texts
    said = Said(agent, customer or "", others or "", loads(layouts or "[]")) if agent is not None else None
    for query, hits in zip(queries, truth, strict=True):
        if len(hits) < PAGE and matches(query, one, said):  # type: ignore[arg-type]  # it is a call
            hits.append(one.id)  # type: ignore[attr-defined]  # as above


if __name__ == "__main__":
    sys.exit(main())
