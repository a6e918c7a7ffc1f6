"""Structures changed at random: what a decoder makes of JSON or a tnetstring, and the like.

A tree is a dictionary, a list, or a value. Changed ones share what was not changed with
their original, which stays as it is.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import ClassVar

from tools.fuzz.octets import Octets

Tree = dict[str, "Tree"] | list["Tree"] | bytes | str | int | float | bool | None

_Change = Callable[["Trees", Tree, Random], Tree]

_DEEPER = 0.85
"""How often a change is made inside of a structure rather than to it."""

_NESTED = (2, 14, 20, 300)


class Trees:
    """Changes trees, with these values among what is put in; `others` give parts, too."""

    def __init__(self, octets: Octets, odd: Sequence[Tree], others: Sequence[Tree]) -> None:
        self._octets = octets
        self._odd = odd
        self._others = others

    def changed(self, tree: Tree, rng: Random) -> Tree:
        """Returns the tree with one to some changes."""
        # Nested once at most: what writes trees bears no more.
        change = Trees._nest if rng.random() < 0.05 else rng.choice(self._changes)
        while True:
            tree = self._somewhere(tree, change, rng)
            if rng.random() < 0.5:
                return tree
            change = rng.choice(self._changes)

    def _somewhere(self, tree: Tree, change: _Change, rng: Random) -> Tree:
        if isinstance(tree, dict) and tree and rng.random() < _DEEPER:
            name = rng.choice(list(tree))
            return {**tree, name: self._somewhere(tree[name], change, rng)}
        if isinstance(tree, list) and tree and rng.random() < _DEEPER:
            at = rng.randrange(len(tree))
            return [*tree[:at], self._somewhere(tree[at], change, rng), *tree[at + 1 :]]
        return change(self, tree, rng)

    def _alter(self, tree: Tree, rng: Random) -> Tree:
        if isinstance(tree, bytes):
            return self._octets.changed(tree, rng)
        if isinstance(tree, str):
            changed = self._octets.changed(tree.encode("utf-8", "replace"), rng)
            return changed.decode("utf-8", "replace")
        if isinstance(tree, int | float) and not isinstance(tree, bool):
            return rng.choice((tree + 1, -tree, tree * 1000, tree % 7 + 0.5))
        return self._replace(tree, rng)

    def _replace(self, _tree: Tree, rng: Random) -> Tree:
        return rng.choice(self._odd)

    def _remove(self, tree: Tree, rng: Random) -> Tree:
        if isinstance(tree, dict) and tree:
            gone = rng.choice(list(tree))
            return {name: value for name, value in tree.items() if name != gone}
        if isinstance(tree, list) and tree:
            at = rng.randrange(len(tree))
            return [*tree[:at], *tree[at + 1 :]]
        return None

    def _double(self, tree: Tree, rng: Random) -> Tree:
        if isinstance(tree, dict) and tree:
            name = rng.choice(list(tree))
            return {**tree, self._name(name, rng): tree[name]}
        if isinstance(tree, list):
            return tree * rng.choice((2, 3, 30))
        return [tree, tree]

    def _name(self, name: str, rng: Random) -> str:
        changed = self._octets.changed(name.encode("utf-8", "replace"), rng)
        return rng.choice((name.upper(), name + "_", "", changed.decode("utf-8", "replace")))

    def _retype(self, tree: Tree, rng: Random) -> Tree:
        if isinstance(tree, dict):
            return [[name, value] for name, value in tree.items()]
        if isinstance(tree, bytes):
            return tree.decode("latin-1")
        if isinstance(tree, str):
            others: tuple[Tree, ...] = (tree.encode("utf-8", "replace"), len(tree), [tree])
            return rng.choice(others)
        return str(tree)

    def _nest(self, tree: Tree, rng: Random) -> Tree:
        for _ in range(rng.choice(_NESTED)):
            tree = [tree]
        return tree

    def _borrow(self, tree: Tree, rng: Random) -> Tree:
        """Takes what another tree has under one of the names here, or anywhere."""
        other = rng.choice(self._others)
        while isinstance(other, dict | list) and other and rng.random() < _DEEPER:
            other = rng.choice(list(other.values()) if isinstance(other, dict) else other)
        if isinstance(tree, dict) and tree:
            return {**tree, rng.choice(list(tree)): other}
        return other

    _changes: ClassVar = (
        _alter,
        _alter,
        _alter,
        _replace,
        _replace,
        _remove,
        _double,
        _retype,
        _borrow,
    )
