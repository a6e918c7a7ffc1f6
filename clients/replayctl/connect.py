"""The global options, and the client that they lead to."""

from dataclasses import dataclass

import click
from flowreplay_client import Client, connect

from replayctl.output import Output


@dataclass(frozen=True)
class Globals:
    """What stands before the verb on the command line."""

    address: str | None
    timeout: float
    output: Output

    def client(self) -> Client:
        """Returns a client; raises a usage error when the address makes no sense."""
        try:
            return connect(self.address, timeout=self.timeout)
        except ValueError as error:
            raise click.UsageError(f"{error} (see --address)") from error


pass_globals = click.make_pass_decorator(Globals)
