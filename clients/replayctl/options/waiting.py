"""`--wait`, `--fail-on` and `--save`: what a command that queues batches does after that."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import click
from flowreplay_client import Client

from replayctl.diffing import has_differences, show_first_differences
from replayctl.options.fail_on import check_assertions, fail_on_option
from replayctl.output import Output
from replayctl.saving import STDOUT, check_role, format_for, save
from replayctl.summary import summary_lines
from replayctl.waiting import Queued, outcomes

Command = TypeVar("Command", bound=Callable[..., Any])


class Waiting(NamedTuple):
    """What to do once batches are queued."""

    wait: bool
    fail_on: Sequence[str]
    save_as: str
    """Empty: nothing is saved."""
    format_to_save: str

    def check(self, client: Client) -> None:
        """Has the daemon judge, before anything is queued, whether it can do what is wanted then.
        Raises UsageError, ReplaydClientError.
        """
        if self.wait:
            check_assertions(client, self.fail_on)
        if self.save_as:
            check_role(client, self.format_to_save)

    def until_done(self, client: Client, batches: Sequence[Queued], output: Output) -> bool:
        """Follows batches, if asked to, and saves one; tells whether replays failed by what
        `--fail-on` names.
        """
        failed = False
        if self.wait:
            for summary in outcomes(client, batches, self.fail_on):
                output.show(summary, *summary_lines(summary))
                failed |= bool(summary.failed_assertions)
                asked = any(each.assertion.startswith("diff") for each in summary.failed_assertions)
                if asked and has_differences(summary.summary):
                    show_first_differences(client, summary.summary.batch_id, output)
        if self.save_as:
            save(client, batches[0].batch_id, self.save_as, self.format_to_save, output)
        return failed


def waiting_options(command: Command) -> Command:
    """Adds the options."""
    for option in (
        click.option(
            "--save",
            "save_as",
            default="",
            metavar="OUT",
            help="Wait, then save the batch as a capture, as `replayctl export` does.",
        ),
        fail_on_option(
            "With --wait, exit with 1 when any of these is so: error (a replay ended without a "
            "response, or was taken off the queue), status (that, and a response's status of 400 "
            "or more), diff (error, or a response differs from the recorded one, or none could be "
            "compared), changed>1%, status>=500, p95>300ms, rate<100/s ... They take the place of "
            "the default: name error, too, unless status, changed or diff does.",
        ),
        click.option("--wait", is_flag=True, help="Follow each batch until all its replays ended."),
    ):
        command = option(command)
    return command


def waiting_of(
    context: click.Context,
    *,
    wait: bool,
    fail_on: Sequence[str],
    save_as: str,
    batches: int,
    a_batch: str,
) -> Waiting:
    """Checks what was given. `batches`: how many there will be; `a_batch`: what makes one, for
    people. Raises UsageError.
    """
    wait = wait or bool(save_as)
    given = context.get_parameter_source("fail_on")
    if not wait and given is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--fail-on judges the outcome, which only --wait waits for")
    if save_as == STDOUT:
        raise click.UsageError("--save needs a file: stdout has what the command says")
    if save_as and batches > 1:
        raise click.UsageError(f"--save makes one capture of one batch; give one {a_batch} with it")
    return Waiting(wait, fail_on, save_as, format_for(save_as) if save_as else "")
