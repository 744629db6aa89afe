"""`serve`: the HTTP API and the page."""

from argparse import Namespace

from attrs import evolve

from callkit.cli.output import complain
from callkit.cli.workers import default_runner
from callkit.errors import MissingExtraError
from callkit.settings import load

__all__ = ["serve"]


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
    return run(settings, Address(arguments.host or settings.http_host, port), default_runner(settings), complain)
