"""`replayctl enqueue`: streams captures to the daemon, and follows them if asked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import click
from flowreplay.v1.replay_pb2 import EnqueueResponse, PlanSummary
from flowreplay_client import (
    HTTP_VERSIONS,
    ON_INTERRUPT,
    WEBSOCKET_PACES,
    Client,
    EnqueueSettings,
    format_names,
    parse_connect_to,
)

from replayctl import exits
from replayctl.connect import Globals, pass_globals
from replayctl.dry_run import plan_all
from replayctl.options.comparing import comparing_options
from replayctl.options.live import live_options
from replayctl.options.making import reading, short
from replayctl.options.pace import check_pace_settings, pace_options
from replayctl.options.rewriting import rewriting_options
from replayctl.options.steering import steering_options
from replayctl.options.waiting import waiting_of, waiting_options
from replayctl.output import Output, give_up_stdout, note
from replayctl.progress import progress_bar
from replayctl.refusals import left_out, refusal_lines
from replayctl.sources import STDIN, check_stdin, naming, shown, source

_BAR_BYTES = 8 << 20
"""A smaller capture is sent before a bar could be read."""


@click.command("enqueue")
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True),
)
@click.option(
    "--format",
    type=click.Choice(format_names()),
    callback=lambda _context, _parameter, value: value or "",
    help="The captures' format.  [default: their first bytes tell]",
)
@click.option(
    "--filter",
    default="",
    metavar="EXPR",
    help="Take only the flows that this filter finds, in mitmproxy's notation: "
    "'~m POST & ~d example.com & !~u /health'.",
)
@click.option("--strict", is_flag=True, help="Refuse a whole capture if one flow is refused.")
@click.option(
    "--stream",
    is_flag=True,
    help="Replay while the capture is still being read; what was queued stays queued if that "
    "breaks off.",
)
@click.option(
    "--connect-to",
    multiple=True,
    callback=reading(parse_connect_to),
    metavar="[SCHEME://][HOST][:PORT]=HOST:PORT",
    help="Dial there instead; nothing else of the request changes. Empty parts match all, the "
    "first match wins. Repeatable.",
)
@pace_options
@steering_options
@rewriting_options
@comparing_options
@click.option(
    "--http-version",
    type=click.Choice(list(HTTP_VERSIONS)),
    default="auto",
    show_default=True,
    help="What requests leave as: auto (as captured, HTTP/2 and HTTP/3 as HTTP/2 where the "
    "server chooses it in TLS), recorded (HTTP/2 and HTTP/3 as HTTP/2 or not at all), 1.1, 2 "
    "(all but CONNECT and WebSocket, or not at all).",
)
@click.option("--refuse-websocket", is_flag=True, help="Refuse WebSocket flows.")
@click.option(
    "--websocket-pace",
    type=click.Choice(list(WEBSOCKET_PACES)),
    default="messages",
    show_default=True,
    help="When a WebSocket's messages are sent: messages (each once as many of the server's came "
    "as had come before it), recorded (each as long after the handshake as in the capture).",
)
@click.option(
    "--on-interrupt",
    type=click.Choice(list(ON_INTERRUPT)),
    default="auto",
    show_default=True,
    help="What becomes of a replay that may have been sent when the daemon died: auto (sent again "
    "if it is idempotent, else parked), resend, park (it ends INTERRUPTED; `replayctl resolve` "
    "sends or drops it), fail (it ends FAILED).",
)
@click.option(
    "--strict-session",
    is_flag=True,
    help="Have the later replays of a session wait while one of it is parked, until "
    "`replayctl resolve`.",
)
@click.option(
    "--trust-idempotency-key",
    is_flag=True,
    help="Take requests with an Idempotency-Key for idempotent: they may be sent again.",
)
@live_options
@click.option(
    "--label",
    default="",
    callback=short,
    help="Free text for the batch's events, to 200 characters.",
)
@click.option(
    "--request-id",
    default="",
    callback=short,
    metavar="ID",
    help="Queue this capture only once, however often the command runs within 24 hours.",
)
@click.option(
    "--raw", is_flag=True, help="Send byte for byte, even what makes two requests of one."
)
@click.option(
    "--salvage",
    is_flag=True,
    help="Take what can be read of a damaged capture; each flow that can't is refused.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be sent where, each change and each refusal; send and queue nothing.",
)
@waiting_options
@pass_globals
@click.pass_context
def command(
    context: click.Context,
    options: Globals,
    *,
    files: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    fail_on: list[str],
    save_as: str,
    **settings: Unpack[EnqueueSettings],
) -> None:
    """Stream captures to the daemon; `-` reads stdin.

    Each FILE becomes a batch of its own, in this order. Prints the batch, how many flows
    were accepted, and each refused one with its index and reason. Exits with 4 when
    every flow of a capture was refused.
    """
    _check_usage(files, request_id=settings["request_id"])
    waiting = waiting_of(
        context, wait=wait, fail_on=fail_on, save_as=save_as, batches=len(files), a_batch="FILE"
    )
    _check_stream(settings, dry_run=dry_run)
    if not settings["compare"] and any(name.startswith("diff") for name in waiting.fail_on):
        raise click.UsageError("--fail-on diff can't fail with --no-compare: leave one of them out")
    check_pace_settings(settings)
    if dry_run:
        _dry_run(context, options, files, settings, wait=waiting.wait)
        return
    output = options.output.outliving_its_reader()
    with options.client() as client:
        waiting.check(client)
        batches = _enqueue_all(client, files, settings, output)
        failed = waiting.until_done(client, batches, output)
    _exit_if_refused(context, batches)
    if failed:
        context.exit(exits.REPLAYS_FAILED)


def _dry_run(
    context: click.Context,
    options: Globals,
    files: Sequence[str],
    settings: EnqueueSettings,
    *,
    wait: bool,
) -> None:
    if wait:
        raise click.UsageError("--dry-run sends nothing that --wait or --save could wait for")
    with options.client() as client:
        summaries = plan_all(client, files, settings, options.output)
    _exit_if_refused(context, summaries)


def _exit_if_refused(
    context: click.Context, answers: Sequence[EnqueueResponse] | Sequence[PlanSummary]
) -> None:
    if any(answer.refused_count and not answer.accepted_count for answer in answers):
        context.exit(exits.REFUSED)


def _check_usage(files: Sequence[str], *, request_id: str) -> None:
    if request_id and len(files) > 1:
        raise click.UsageError("--request-id stands for one capture; give one FILE with it")
    check_stdin(files)


def _check_stream(settings: EnqueueSettings, *, dry_run: bool) -> None:
    if settings["stream"] and settings["strict"]:
        raise click.UsageError(
            "--strict needs the whole capture before anything is queued, --stream does not wait "
            "for it; leave one out"
        )
    if settings["stream"] and dry_run:
        raise click.UsageError("--dry-run queues nothing that --stream could queue sooner")


def _enqueue_all(
    client: Client, files: Sequence[str], settings: EnqueueSettings, output: Output
) -> list[EnqueueResponse]:
    batches = []
    for number, name in enumerate(files, 1):
        with naming(name, left_undone="not enqueued either", left=files[number:]):
            try:
                batch = _enqueue(client, name, settings)
            except (KeyboardInterrupt, OSError):
                # The daemon itself says so when it is what ends the call.
                if settings["stream"]:
                    note(f"what was queued of {shown(name)} stays queued")
                raise
        _show(output, name, batch, files[number:])
        batches.append(batch)
    return batches


def _show(output: Output, name: str, batch: EnqueueResponse, left: Sequence[str]) -> None:
    try:
        output.show(batch, *_lines(name, batch))
    except BrokenPipeError:
        if not left:
            raise
        # A program that is gone would never know which batches it has.
        give_up_stdout()
        note(f"nobody reads the output any more; not enqueued: {', '.join(left)}")
        raise click.exceptions.Exit(exits.USAGE) from None


def _enqueue(client: Client, name: str, settings: EnqueueSettings) -> EnqueueResponse:
    size = 0 if name == STDIN else Path(name).stat().st_size
    with progress_bar(Path(name).name, size if size > _BAR_BYTES else None) as advance:
        return client.enqueue_capture(
            source(name),
            progress=lambda sent, _total: advance(sent),
            **settings,
        )


def _lines(name: str, batch: EnqueueResponse) -> list[str]:
    again = " (enqueued before under this request id)" if batch.duplicate else ""
    runs = batch.replay_count // (batch.accepted_count or 1)
    times = f" {runs} times" if runs > 1 else ""
    accepted = f"{batch.accepted_count} accepted{times}"
    first = f"batch {batch.batch_id}: {accepted}{left_out(batch)}{again}"
    return [f"{shown(name)}: {first}", *refusal_lines(batch)]
