"""A recipe a format: its seeds are read, and what it makes is new."""

import io
from random import Random

import pytest

from replayd.formats import Format, read_capture
from replayd.model.flow import Flow
from tools.fuzz.recipes import RECIPES


def test_every_format_has_a_recipe() -> None:
    assert {recipe.format for recipe in RECIPES.values()} == set(Format)


@pytest.mark.parametrize("name", RECIPES)
def test_most_seeds_hold_a_flow(name: str) -> None:
    recipe = RECIPES[name]
    held = [
        any(
            isinstance(found, Flow)
            for found in read_capture(io.BytesIO(seed), format=recipe.format, salvage=True)
        )
        for seed in recipe.seeds()
    ]
    assert sum(held) > 0.9 * len(held)


@pytest.mark.parametrize("name", RECIPES)
def test_inputs_differ_and_come_again(name: str) -> None:
    made = [RECIPES[name].make(Random(number)) for number in range(100)]
    assert made == [RECIPES[name].make(Random(number)) for number in range(100)]
    assert len(set(made)) > 75
