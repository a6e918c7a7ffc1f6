import click
import pytest
from replayctl.connect import Globals
from replayctl.output import Output


def test_the_client_gets_the_address() -> None:
    with Globals("h:1", 5.0, {}, Output(as_json=False)).client() as client:
        assert client.address == "h:1"


def test_an_address_that_makes_no_sense_is_wrong_usage() -> None:
    with pytest.raises(click.UsageError, match=r"'nowhere' is neither .* \(see replayctl --help\)"):
        Globals("nowhere", 5.0, {}, Output(as_json=False)).client()
