"""`replayctl completion`: the script that teaches a shell this command's words."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    For bash: eval "$(replayctl completion bash)"
    """
    completion = get_completion_class(shell)
    assert completion is not None, "click lost a shell that it had"
    root = context.find_root()
    click.echo(completion(root.command, {}, "replayctl", "_REPLAYCTL_COMPLETE").source())
