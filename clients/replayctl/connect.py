"""The global options, and the client that they lead to."""

from dataclasses import dataclass

import click
from flowreplay_client import AccessFiles, Client, aio, connect

from replayctl.output import Output


@dataclass(frozen=True)
class Globals:
    """What stands before the verb on the command line."""

    address: str | None
    timeout: float
    files: AccessFiles
    output: Output

    def client(self) -> Client:
        """Returns a client; raises a usage error when the address, or what is to be shown
        there, makes no sense.
        """
        try:
            return connect(self.address, timeout=self.timeout, **self.files)
        except ValueError as error:
            raise click.UsageError(f"{error} (see replayctl --help)") from error

    def aio_client(self) -> aio.Client:
        """Returns an asynchronous client, for the event loop that runs; raises as `client`."""
        try:
            return aio.connect(self.address, timeout=self.timeout, **self.files)
        except ValueError as error:
            raise click.UsageError(f"{error} (see replayctl --help)") from error


pass_globals = click.make_pass_decorator(Globals)
