"""What can be typed to serve calls over HTTP: `serve`, `keys`."""

from argparse import ArgumentParser, ArgumentTypeError

from callkit.cli.command import Commands, add_command, count, json_option

__all__ = ["HTTP", "SCOPES"]

SCOPES = ("read", "write", "admin")


def _serve(commands: Commands, common: ArgumentParser) -> None:
    examples = [
        ("callkit serve", "for this machine, at http://127.0.0.1:8000/"),
        ("callkit serve --host 0.0.0.0 --port 80", "for others; needs keys: see `callkit keys add`"),
    ]
    parser = add_command(commands, common, "serve:serve", "Serve calls over HTTP: an API, and a page.", examples)
    parser.add_argument("--host", metavar="ADDRESS", help="to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", metavar="N", type=_port, help="to listen on (default: 8000); 0: any that is free")
    parser.add_argument("--keys", metavar="FILE", help="of the API keys (default: keys.json in --data)")
    parser.add_argument("--processes", metavar="N", type=count, help="worker processes (default: one a processor)")


def _keys(commands: Commands, common: ArgumentParser) -> None:
    parser = commands.add_parser("keys", help="the API keys of `callkit serve`", allow_abbrev=False)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    examples = [
        ("callkit keys add ana", "everything"),
        ("callkit keys add pbx --scope write --days 365", "sends recordings, and hears none"),
    ]
    what = (
        "Make an API key and show it, this once. From the first one on, `callkit serve` answers nobody without a key."
    )
    parser = add_command(inner, common, "keys:add", what, examples)
    parser.add_argument("name", metavar="NAME", help="whose it is")
    parser.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        default=[],
        help="read, write, or admin: both, and erase; may be repeated (default: admin)",
    )
    parser.add_argument("--days", metavar="N", type=count, help="it expires then (default: never)")
    _file(parser)
    parser = add_command(
        inner, common, "keys:list_", "List the API keys.", [("callkit keys list", "never the keys themselves")]
    )
    _file(parser)
    json_option(parser)
    examples = [("callkit keys revoke 3f9a11c2", "from now on it opens nothing")]
    parser = add_command(inner, common, "keys:revoke", "Make API keys void.", examples)
    parser.add_argument("ids", metavar="ID", nargs="+", help="as `callkit keys list` shows them")
    _file(parser)


def _file(parser: ArgumentParser) -> None:
    parser.add_argument("--keys", metavar="FILE", help="where they are kept (default: keys.json in --data)")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise ArgumentTypeError(f"{text!r} is no port: a port is a number from 0 to 65535")
    return int(text)


HTTP = (_serve, _keys)
"""Each adds one command."""
