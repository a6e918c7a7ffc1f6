"""The implementation says the same as the interface."""

import inspect

import pytest

from replayd.journal.interface import Journal
from replayd.journal.memory import open_memory
from tests.support.journals import NOW

METHODS = [name for name in vars(Journal) if not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_the_interface_s_signature(name: str) -> None:
    promised = inspect.getattr_static(Journal, name)
    kept = getattr(open_memory(NOW), name)
    if isinstance(promised, property):
        assert not callable(kept)
        return
    parameters = list(inspect.signature(promised).parameters.values())[1:]
    assert list(inspect.signature(kept).parameters.values()) == parameters
