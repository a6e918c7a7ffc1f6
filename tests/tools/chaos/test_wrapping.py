"""Methods are replaced where they are, and missed where they are not."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tools.chaos.wrapping import Place, around, replace


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    class Thing:
        def double(self, number: int) -> int:
            return 2 * number

    module = ModuleType("some_module")
    vars(module)["Thing"] = Thing
    monkeypatch.setitem(sys.modules, "some_module", module)
    return module


PLACE = Place("some_module", "Thing", "double")


def test_a_method_is_replaced(module: ModuleType) -> None:
    def make(double: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, number: double(self, number) + 1

    replace(PLACE, make)
    assert module.Thing().double(4) == 9
    assert module.Thing.double.__name__ == "double"


def test_something_is_called_before_and_after(module: ModuleType) -> None:
    called: list[str] = []
    around(PLACE, lambda: called.append("before"), lambda: called.append("after"))
    assert module.Thing().double(number=4) == 8
    assert called == ["before", "after"]


def test_what_is_not_there_is_missed(module: ModuleType) -> None:
    with pytest.raises(AttributeError):
        around(PLACE._replace(name="triple"))
