"""The benchmarks that take servers, which they start themselves."""

from contextlib import closing

from benchmarks import claims, number_search, transcript_search
from benchmarks.corpus import Corpus
from benchmarks.measuring import Figure
from benchmarks.sizes import Sizes
from benchmarks.tables import Chapter
from callkit import Query
from callkit.backends.repositories.sql import SqlRepository
from tests import servers

__all__ = [
    "claim_chapter",
    "postgres_chapter",
    "postgres_transcript_chapter",
    "search_chapter",
    "transcript_chapter",
]


def search_chapter(title: str, database: str, repository: SqlRepository, sizes: Sizes) -> Chapter:
    """Calls by (part of) a number, and pages by their cursors."""
    if repository.count(Query(), at_most=sizes.numbers) < sizes.numbers:
        number_search.fill(repository, sizes.numbers)
    rows = number_search.scan(repository)
    searches = number_search.made(rows, sizes.searches)
    lines = [*number_search.timed(repository, searches), *number_search.paged(repository, rows, sizes.searches)]
    found = [
        Figure(f"{sizes.numbers:,} calls", name, wall=p50 / 1000, cpu=cpu / 1000, note=f"95 of 100 below {p95:.2f} ms")
        for name, p50, p95, cpu in lines
    ]
    wrong, checked = number_search.check(repository, rows, searches)
    text = (
        f"The newest 20 calls whose caller or receiver holds the text, by `SqlRepository.find` on {database}: medians "
        f"of {sizes.searches} searches of each class; then pages of all calls by their cursors. {checked} were "
        f"held against a scan of all calls with `matches`: {wrong} were wrong."
    )
    return Chapter(title, text, tuple(found))


def postgres_chapter(_: Corpus, sizes: Sizes) -> Chapter:
    """The same searches there; CPU is this program's own."""
    with servers.postgres() as server, closing(SqlRepository.open(server.url)) as repository:
        repository.upgrade()
        return search_chapter("Number search on PostgreSQL", "PostgreSQL", repository, sizes)


def said_chapter(title: str, database: str, repository: SqlRepository, sizes: Sizes) -> Chapter:
    """Calls by what was said in them."""
    transcript_search.fill(repository, sizes.transcripts)
    searches = transcript_search.made(sizes.transcripts, sizes.searches)
    case = f"{sizes.transcripts:,} transcripts"
    lines = list(transcript_search.timed(repository, searches))
    wrong, checked = transcript_search.check(repository, searches)
    took = "; ".join(f"{name} {size:,.0f} MB" for name, size in transcript_search.sizes(repository).items())
    found = [
        Figure(at, name, wall=p50 / unit, cpu=cpu / unit, note=f"95 of 100 below {p95 / unit * 1000:.2f} ms")
        for at, unit, some in (
            (case, 1e3, lines),
            ("one more call", 1e6, transcript_search.single(repository, sizes.searches)),
        )
        for name, p50, p95, cpu in some
    ]
    text = (
        f"The newest 20 calls in which it was said, with passages and marks, by `SqlRepository.find` on {database}: "
        f"medians of {sizes.searches} searches of each class, among transcripts of 300 words, half of them Russian. "
        f"{checked} were held against a scan of all calls with `matches`: {wrong} were wrong. Then what it costs to "
        f"save one more call's results. The transcripts take: {took}."
    )
    return Chapter(title, text, tuple(found))


def transcript_chapter(corpus: Corpus, sizes: Sizes) -> Chapter:
    """The database is kept for the next run."""
    with closing(SqlRepository.open(corpus.folder / f"transcripts-{sizes.transcripts}.db")) as repository:
        repository.upgrade()
        return said_chapter("Transcript search", "SQLite", repository, sizes)


def postgres_transcript_chapter(_: Corpus, sizes: Sizes) -> Chapter:
    """The same searches there; CPU is this program's own."""
    with servers.postgres() as server, closing(SqlRepository.open(server.url)) as repository:
        repository.upgrade()
        return said_chapter("Transcript search on PostgreSQL", "PostgreSQL", repository, sizes)


def claim_chapter(_: Corpus, sizes: Sizes) -> Chapter:
    """How many calls a second processes claim."""
    found = []
    with claims.places() as places:
        for name, url in places.items():
            for workers in sizes.claimers:
                result = claims.measured(url, sizes.claims, workers)
                told = f"{result.rate:,.0f} claims a second; {result.late} came too late, {result.double} double"
                found.append(Figure(f"{workers} processes", name, wall=1 / result.rate, cpu=result.cpu, note=told))
    text = (
        f"{sizes.claims} waiting calls, and a message for each, dealt to worker processes; one in ten comes to a "
        "second worker, too. A worker reads the call and claims it, if nobody has. Time and CPU for one claim."
    )
    return Chapter("Claims", text, tuple(found))
