"""Structures that are changed at random, while their originals stay as they are."""

from copy import deepcopy
from random import Random

import pytest

from tools.fuzz.octets import Octets
from tools.fuzz.trees import Tree, Trees

TREE: Tree = {"a": [1, 2.5, True, None], "b": {"c": b"bytes", "d": "text"}, "e": [[], {}]}


def trees() -> Trees:
    return Trees(Octets([]), ["odd"], [{"x": "borrowed"}])


def test_a_changed_tree_shares_nothing_with_its_original() -> None:
    before = deepcopy(TREE)
    made = [trees().changed(TREE, Random(number)) for number in range(1000)]
    assert before == TREE
    assert made == [trees().changed(TREE, Random(number)) for number in range(1000)]
    assert sum(each != TREE for each in made) > 900
    assert any("odd" in str(each) for each in made)
    assert any("borrowed" in str(each) for each in made)


@pytest.mark.parametrize("tree", [None, True, 0, 10**400, 1e308, "", b"", [], {}])
def test_any_tree_can_be_changed(tree: Tree) -> None:
    for number in range(200):
        trees().changed(tree, Random(number))
