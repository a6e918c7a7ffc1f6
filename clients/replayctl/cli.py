"""The command line: global options, verbs loaded when needed, errors to exit codes."""

import importlib
from pathlib import Path

import click
from flowreplay_client import AccessFiles, EventsCompacted, ReplaydClientError, Unreachable

from replayctl import exits
from replayctl.connect import Globals
from replayctl.output import Output, give_up_stdout, note

VERBS = (
    "backup",
    "batches",
    "cancel",
    "clear",
    "completion",
    "count",
    "diff",
    "enqueue",
    "export",
    "front",
    "hook",
    "list",
    "pace",
    "pause",
    "priority",
    "resolve",
    "resume",
    "retry",
    "show",
    "status",
    "step",
    "summary",
    "target",
    "watch",
)


FILE = click.Path(dir_okay=False, path_type=Path)


class _Verbs(click.Group):
    """Loads a verb's module when it is asked for, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"replayctl.commands.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> None:
        try:
            super().invoke(ctx)
        except ReplaydClientError as error:
            note(_sentence(error))
            for line in getattr(error, "__notes__", ()):
                note(line)
            ctx.exit(_exit_code(error))
        except BrokenPipeError:
            # Whoever read our output has had enough.
            give_up_stdout()
            ctx.exit(exits.DONE)
        except KeyboardInterrupt:
            ctx.exit(exits.INTERRUPTED)


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--address",
    metavar="ADDR",
    help="The daemon: unix:PATH or HOST:PORT.  [default: REPLAYD_ADDRESS, else the daemon's "
    "default socket]",
)
@click.option(
    "--token-file",
    type=FILE,
    help="Holds the token for a daemon on TCP.  [default: FLOWREPLAY_TOKEN_FILE, else the one "
    "that your own daemon made]",
)
@click.option(
    "--ca-file",
    type=FILE,
    help="PEM certificates to trust over TLS.  [default: FLOWREPLAY_CA_FILE, else gRPC's own]",
)
@click.option(
    "--client-cert",
    type=FILE,
    help="PEM with a certificate and its key to show over TLS.  [default: FLOWREPLAY_CLIENT_CERT]",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the daemon's answer.",
)
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or proto3 JSON with one message a line.",
)
@click.version_option(package_name="flowreplay")
@click.pass_context
def cli(
    context: click.Context,
    *,
    address: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    client_cert: Path | None,
    timeout: float,
    output: str,
) -> None:
    """Talk to replayd: enqueue captures, watch replays, control the queue.

    Exit codes: 0 done; 1 done, but replays failed by what --fail-on names; 2 wrong usage;
    3 the daemon can't be reached; 4 the daemon refused; 5 events were compacted away;
    130 interrupted.
    """
    files = AccessFiles(token_file=token_file, ca_file=ca_file, client_cert=client_cert)
    context.obj = Globals(address, timeout, files, Output(as_json=output == "json"))


def _sentence(error: ReplaydClientError) -> str:
    return f"{error.message} [{error.reason}]" if error.reason else error.message


def _exit_code(error: ReplaydClientError) -> int:
    if isinstance(error, EventsCompacted):
        return exits.COMPACTED
    return exits.UNREACHABLE if isinstance(error, Unreachable) else exits.REFUSED
