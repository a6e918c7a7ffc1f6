"""The command `replayd`: flags, environment and a TOML file become one Config.

Precedence: flag, then environment (`REPLAYD_` and the option's name), then the file that
`--config` names, then the default.
"""

import dataclasses
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from replayd import __version__
from replayd.config import Config
from replayd.errors import ConfigError, DiskError, ReplaydError
from replayd.journal_cli import journal
from replayd.units import parse_duration, parse_size

F = TypeVar("F", bound=Callable[..., Any])

EXIT_USAGE = 2
EXIT_FAILED = 4
EXIT_DISK = os.EX_IOERR

MOST = 1_000_000_000
"""What may be counted; more than any daemon ever has."""
MOST_WATCHERS = 100_000
"""More than a process can have connections."""

_SHORTEST = 0.001
"""Seconds that a timeout may have."""

COLLECT_AFTER = 10_000
"""Objects that may be made and kept before the next look for garbage: some 3 ms of it."""


class _Parsed(click.ParamType[float | int]):
    """A value with a unit, read by one of the functions of `units`."""

    def __init__(self, name: str, parse: Any) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | int:
        """Reads text; numbers of a TOML file are taken as they are."""
        try:
            parsed: float | int = self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return parsed


def _parse_timeout(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < _SHORTEST:
        raise ValueError(f"{text!r} would leave no time for anything; write how long to wait")
    return seconds


def _parse_room(text: str) -> int:
    size = parse_size(text)
    if not size:
        raise ValueError("0 would leave no room for anything; write how much there is")
    return size


def _not_empty(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    if not all(name.strip() for name in names):
        raise click.BadParameter("a name has no characters", context, parameter)
    return names


SIZE = _Parsed("size", parse_size)
DURATION = _Parsed("duration", parse_duration)
TIMEOUT = _Parsed("duration", _parse_timeout)
ROOM = _Parsed("size", _parse_room)
COUNT = click.IntRange(0, MOST)
FILE = click.Path(dir_okay=False, path_type=Path)
TLS_VERSIONS = click.Choice(["1.0", "1.1", "1.2", "1.3"])


def _read_file(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Makes the file's values the defaults of the other options."""
    if path is None:
        return
    # Imported here: few daemons have a file, and each start would wait for the parser.
    import difflib  # noqa: PLC0415
    import tomllib  # noqa: PLC0415

    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise click.UsageError(f"--config {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--config {path}: it is no TOML: {error}") from error
    known = {str(each.name): each for each in context.command.params if each.name != "config"}
    settings = {name.replace("-", "_"): value for name, value in values.items()}
    for name, value in settings.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"--config {path}: there is no option `{name}`{hint}")
        if getattr(known[name], "multiple", False) and not isinstance(value, list):
            settings[name] = [value]
    context.default_map = settings


class _Serve(click.Command):
    """Says of a wrong value where it stands, when that is not the command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.BadParameter as error:
            where = _where(ctx, error.param)
            raise click.BadParameter(f"{error.message}{where}", error.ctx, error.param) from error


def _where(context: click.Context, option: click.Parameter | None) -> str:
    name = (option and option.name) or ""
    source = context.get_parameter_source(name)
    if source is ParameterSource.ENVIRONMENT:
        return f" (in the environment: {context.auto_envvar_prefix}_{name.upper()})"
    return " (in the file that --config names)" if source is ParameterSource.DEFAULT_MAP else ""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="replayd")
def main() -> None:
    """Replays captured HTTP flows: a daemon with one durable queue and many clients."""


main.add_command(journal)


def _option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Makes an option whose default is the Config's."""
    name = names[0].removeprefix("--").split("/")[0].replace("-", "_")
    default = next(each for each in dataclasses.fields(Config) if each.name == name)
    if default.default is not dataclasses.MISSING:
        attributes.setdefault("default", default.default)
    return click.option(*names, **attributes)


@main.command(cls=_Serve, context_settings={"auto_envvar_prefix": "REPLAYD"})
@click.option(
    "--config",
    type=FILE,
    is_eager=True,
    expose_value=False,
    callback=_read_file,
    help="A TOML file with these options as keys.",
)
@click.option(
    "--listen",
    multiple=True,
    metavar="ADDR",
    help="unix:PATH, or HOST:PORT, which asks for tokens, and beyond loopback for TLS; port 0 "
    "picks one. Repeatable. [default: a Unix socket of this user]",
)
@_option(
    "--token-file",
    type=FILE,
    help="Who may call on TCP: lines with NAME ROLES TOKEN. [default: who has the token that "
    "the daemon makes, on loopback alone]",
)
@_option("--tls-cert", type=FILE, help="PEM certificate of the daemon: TCP speaks TLS with it.")
@_option("--tls-key", type=FILE, help="PEM key of --tls-cert.")
@_option(
    "--tls-client-ca",
    type=FILE,
    help="PEM certificates of those who sign callers' certificates, which TCP then asks for.",
)
@_option(
    "--trust-loopback/--no-trust-loopback",
    help="Ask nobody on loopback addresses for a token: all users of the machine may do all.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the journal lives. [default: this user's state folder]",
)
@_option(
    "--allow-network-disk/--no-allow-network-disk",
    help="Take a --data-dir on a network file system, at your own risk.",
)
@_option("--ephemeral/--no-ephemeral", help="Keep everything in memory, nothing on disk.")
@_option(
    "--synchronous",
    type=click.Choice(["full", "normal"]),
    show_default=True,
    help="What the journal waits for: the disk, or (normal: faster, and a power cut loses "
    "what was accepted and sends twice what was sent) the operating system.",
)
@_option(
    "--retention-age",
    type=DURATION,
    show_default="30d",
    help="What has ended and is older is removed: events, and batches as a whole. 0: never.",
)
@_option(
    "--retention-size",
    type=SIZE,
    show_default="10g, with --ephemeral 1g",
    help="When the journal is larger, the oldest of what has ended is removed. 0: never.",
)
@_option(
    "--disk-floor",
    type=SIZE,
    show_default="64m, on small disks 2 %",
    help="With less room on the disk nothing more is queued; replays go on. 0: no floor.",
)
@_option(
    "--client-replay",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Enqueue this capture at the start. Repeatable.",
)
@_option("--paused/--no-paused", help="Pause the queue at the start.")
@_option(
    "--concurrency",
    type=click.IntRange(1, 500),
    show_default=True,
    help="Replays in flight at once; 1 keeps strict order.",
)
@_option(
    "--turns",
    type=click.Choice(["order", "fair"]),
    help="Take batches in order (of priority, then of acceptance), or let those of several clients "
    "of the same priority take turns, replay by replay.",
)
@_option(
    "--connections-per-target",
    multiple=True,
    metavar="[PATTERN=]N",
    show_default="no limit",
    help="Connections to one target at once, idle ones too; replays wait for one in order. 0: no "
    "limit. "
    "PATTERN as for --allow-target. Repeatable.",
)
@_option(
    "--target-rate",
    multiple=True,
    metavar="[PATTERN=]N/s",
    show_default="no limit",
    help="Replays that may begin a second (/m: a minute, /h: an hour) to one target, of all "
    "clients together; others wait. 0/s: no limit. PATTERN as for --allow-target. Repeatable.",
)
@_option(
    "--breaker",
    metavar="N[:TIME]",
    show_default="none",
    help="After N failures in a row leave a target alone for TIME (30s), then let one replay "
    "try it. 0: never.",
)
@_option(
    "--breaker-action",
    type=click.Choice(["wait", "fail"]),
    show_default=True,
    help="What becomes of replays to a target that --breaker leaves alone.",
)
@_option(
    "--upstream",
    metavar="URL",
    help="Send through this proxy: http://[USER:PASSWORD@]HOST:PORT, https:// or socks5://.",
)
@_option("--bind-address", metavar="IP", help="The local address of outgoing connections.")
@_option(
    "--connect-timeout",
    type=TIMEOUT,
    show_default="10s",
    help="For a name's lookup, TCP and a proxy's answer together; TLS has as much again.",
)
@_option(
    "--read-timeout",
    type=TIMEOUT,
    show_default="60s",
    help="To the first byte, and between any two.",
)
@_option("--total-timeout", type=TIMEOUT, show_default="5m", help="For a whole replay.")
@_option("--body-size-limit", type=ROOM, show_default="64m", help="Of one content.")
@_option(
    "--memory-budget",
    type=ROOM,
    show_default="128m",
    help="For all responses under way, in memory; what has no room there waits.",
)
@_option("--insecure/--no-insecure", help="Do not verify servers' certificates.")
@_option("--ca-file", type=FILE, help="PEM certificates to trust in place of the system's.")
@_option("--client-cert", type=FILE, help="PEM with a certificate and its key to show to servers.")
@_option("--tls-min", type=TLS_VERSIONS, show_default=True, help="The lowest TLS version.")
@_option("--tls-max", type=TLS_VERSIONS, show_default=True, help="The highest TLS version.")
@_option("--ciphers", help="Ciphers for TLS up to 1.2, in OpenSSL's notation.")
@_option(
    "--redact-header",
    multiple=True,
    callback=_not_empty,
    metavar="NAME",
    help="A header field that holds a secret, kept out of events like Cookie. Repeatable.",
)
@_option(
    "--redact-parameter",
    multiple=True,
    callback=_not_empty,
    metavar="NAME",
    help="A parameter of URLs and forms, or a key of JSON or XML, that holds one. Repeatable.",
)
@_option(
    "--require-hook",
    multiple=True,
    metavar="NAME",
    help="Send nothing while no hook of this name is registered, which has to have the policy "
    "kill: replays wait for it. Repeatable.",
)
@_option(
    "--allow-target",
    multiple=True,
    metavar="PATTERN",
    help="Where replays may go beyond the default: HOST, *.DOMAIN, IP, CIDR, each with "
    ":PORT, or *. Repeatable.",
)
@_option(
    "--deny-target",
    multiple=True,
    metavar="PATTERN",
    help="Where replays may not go; wins over --allow-target. Repeatable.",
)
@_option(
    "--max-queued",
    type=COUNT,
    metavar="N",
    show_default=True,
    help="Replays that may wait in the queue; 0: no limit.",
)
@_option(
    "--client-enqueues",
    type=COUNT,
    metavar="N",
    show_default=True,
    help="Enqueues of one client at once; 0: no limit.",
)
@_option(
    "--client-queued",
    type=COUNT,
    metavar="N",
    show_default="0, no limit",
    help="Replays of one client that may wait or run.",
)
@_option(
    "--client-bytes",
    type=SIZE,
    show_default="0, no limit",
    help="Of one client's batches that have something left to do.",
)
@_option(
    "--max-watchers",
    type=click.IntRange(1, MOST_WATCHERS),
    show_default=True,
    help="Watchers at once.",
)
@_option(
    "--client-watchers",
    type=COUNT,
    metavar="N",
    show_default=True,
    help="Watchers at once of one token or certificate; 0: no limit.",
)
@_option(
    "--drain-timeout",
    type=DURATION,
    show_default="10s",
    help="What a running replay gets at the stop.",
)
@_option(
    "--metrics-listen",
    metavar="HOST:PORT",
    help="Tell figures to Prometheus at http://HOST:PORT/metrics, to everybody who asks there. "
    "Port 0 picks one; the log has it. [default: nowhere]",
)
@_option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    show_default=True,
    help="How much the daemon's own log on stderr tells.",
)
@_option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    show_default=True,
    help="How it tells it.",
)
def serve(**options: Any) -> None:
    """Run the daemon until SIGTERM or SIGINT; then drain and stop.

    When it is ready it prints `listening on ADDR` for each address on stdout. Every
    option is also an environment variable, such as REPLAYD_DATA_DIR, and a key of the
    --config file.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    # gRPC would write lines of its own to stderr, in a format of its own.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with _few_collections():
        # Imported here: `--help` and `--version` need no gRPC.
        from replayd.heap import load_asyncio, use_one_arena  # noqa: PLC0415

        use_one_arena()  # before gRPC starts threads
        load_asyncio()
        from replayd.daemon import run  # noqa: PLC0415
        from replayd.logs import set_up_logging  # noqa: PLC0415
        from replayd.redaction.printable import said  # noqa: PLC0415

    config = Config(**given)
    set_up_logging(config.log_level, config.log_format)
    try:
        run(config)
    except ConfigError as error:
        click.echo(f"replayd: {said(str(error))}", err=True)
        sys.exit(EXIT_USAGE)
    except ReplaydError as error:
        click.echo(f"replayd: {said(error.message)}", err=True)
        sys.exit(EXIT_DISK if isinstance(error, DiskError) else EXIT_FAILED)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Has no garbage looked for while modules are loaded, nor in what they hold later, for it
    stays; and seldom from then on.

    Little of a daemon's garbage is in cycles, and each look for it stops the replay thread:
    with Python's own threshold for 14 ms at times, and for 3 µs a flow.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
        gc.enable()


if __name__ == "__main__":
    main()
