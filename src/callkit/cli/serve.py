"""`serve`: the HTTP API and the page."""

from argparse import Namespace

from attrs import evolve

from callkit.cli.output import complain
from callkit.cli.workers import default_runner
from callkit.errors import MissingExtraError
from callkit.settings import Settings, load

__all__ = ["runner_of", "serve"]


def serve(arguments: Namespace) -> int:
    """Answer until SIGTERM or Ctrl-C; what is worked on then is begun anew by the next server."""
    settings = load(vars(arguments) | {"http_keys": arguments.keys}, config=arguments.config)
    try:
        from callkit.http.server import Address, run  # FastAPI takes 0.7 s
    except ImportError as error:
        if (error.name or "").startswith("callkit"):
            raise
        raise MissingExtraError("callkit serve", "http") from None
    settings = settings if settings.transcriber else evolve(settings, transcriber="auto")
    port = settings.http_port if arguments.port is None else arguments.port
    return run(settings, Address(arguments.host or settings.http_host, port), runner_of(settings), complain)


def runner_of(settings: Settings) -> str:
    """As for everything else; but an upload is answered before its work is done, on one processor, too."""
    usual = default_runner(settings)
    return "threads:1" if usual == "inline" and settings.runner != usual else usual
