"""`replayctl retry`: sends what failed once more, as a new batch."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click
from flowreplay.v1.replay_pb2 import RetryResponse
from flowreplay_client import state_names

from replayctl import exits
from replayctl.connect import Globals, pass_globals
from replayctl.options.waiting import waiting_of, waiting_options
from replayctl.printable import printable

_OUTCOMES = [name for name in state_names() if name not in ("queued", "running")]


class _Asked(NamedTuple):
    """One call."""

    batch_id: str
    replay_ids: Sequence[str] = ()
    """Empty: what failed of the batch."""


@click.command("retry")
@click.argument("what", metavar="BATCH|REPLAY...", nargs=-1, required=True)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(_OUTCOMES),
    help="Of a BATCH, those that ended so; of the interrupted ones, those that are parked. "
    "Repeatable.  [default: failed]",
)
@click.option(
    "--request-id",
    default="",
    metavar="ID",
    help="Queue this only once, however often the command runs within 24 hours.",
)
@waiting_options
@pass_globals
@click.pass_context
def command(
    context: click.Context,
    options: Globals,
    *,
    what: tuple[str, ...],
    states: tuple[str, ...],
    request_id: str,
    wait: bool,
    fail_on: list[str],
    save_as: str,
) -> None:
    """Send what failed of batches once more, or replays, by their ids, however they ended.

    Each BATCH, and the REPLAYs of each batch together, become a new batch under the options
    of the old one. What is parked is resolved by it.
    """
    calls = list(_calls(what))
    if states and any(call.replay_ids for call in calls):
        raise click.UsageError("--state chooses of a BATCH; a REPLAY is sent however it ended")
    if request_id and len(calls) > 1:
        raise click.UsageError("--request-id stands for one batch; name one with it")
    waiting = waiting_of(
        context, wait=wait, fail_on=fail_on, save_as=save_as, batches=len(calls), a_batch="BATCH"
    )
    output = options.output.outliving_its_reader()
    with options.client() as client:
        waiting.check(client)
        batches = []
        for call in calls:
            answer = client.retry(
                call.replay_ids,
                batch_id="" if call.replay_ids else call.batch_id,
                states=states,
                request_id=request_id,
            )
            output.show(answer, _line(call, answer))
            if answer.batch_id:
                batches.append(answer)
        failed = bool(batches) and waiting.until_done(client, batches, output)
    if failed:
        context.exit(exits.REPLAYS_FAILED)


def _calls(what: Sequence[str]) -> Iterator[_Asked]:
    """A batch's replays together; an id of a replay has a point, one of a batch none."""
    replays: dict[str, list[str]] = {}
    for each in dict.fromkeys(what):
        batch_id, point, _ = each.partition(".")
        if point:
            replays.setdefault(batch_id, []).append(each)
        else:
            yield _Asked(batch_id)
    for batch_id, replay_ids in replays.items():
        yield _Asked(batch_id, replay_ids)


def _line(asked: _Asked, answer: RetryResponse) -> str:
    if not answer.batch_id:
        return f"{printable(asked.batch_id)}: nothing to retry"
    again = " (retried before under this request id)" if answer.duplicate else ""
    return (
        f"{printable(asked.batch_id)}: batch {printable(answer.batch_id)}: "
        f"{answer.accepted_count} to retry{again}"
    )
