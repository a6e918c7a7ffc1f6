r"""Reads a filter expression and makes a function of it.

    all   = any { any }                  one after the other: all of them
    any   = each { "|" each }
    each  = not { "&" not }
    not   = "!" not | "(" all ")" | "~" name [argument] | word

As in mitmproxy 12: an argument is a word, which ends at white space and at ( ) ~ ' ", or a
text in quotes, where \ takes the next character as it is (and \n, \r, \t, \f are white
space); a word alone is what `~u` asks. Searches know no case.
"""

import re
from typing import NoReturn

from replayd.filters.search import AS_MITMPROXY, LINEAR
from replayd.filters.terms import NOT_KEPT, TERMS, URL, Matcher

MAX_NESTING = 100
"""How deep parentheses and negations may nest: far less than Python's stack holds."""

_SPACE = " \t\n\r"
_WORD = re.compile(r"[^()~'\"\s]+")
_NAME = re.compile(r"[A-Za-z]*")
_DIGITS = re.compile(r"[0-9]+")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class FilterError(ValueError):
    """What is wrong with an expression; `position` counts its characters from 0."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"{what} (at character {position + 1})")
        self.position = position


def compile_filter(text: str, *, linear: bool = False) -> Matcher:
    """Makes a function of an expression; `linear`: its time is in proportion to what it looks
    through, at the price of look-around and backreferences. Raises FilterError.
    """
    reader = _Reader(text, linear=linear)
    matcher = reader.all_of(0)
    if not reader.at_end():
        # All else that ends a sequence: its parenthesis was never opened.
        reader.fail("this parenthesis closes nothing")
    return matcher


class _Reader:
    def __init__(self, text: str, *, linear: bool) -> None:
        self._text = text
        self._position = 0
        self._search_for = LINEAR if linear else AS_MITMPROXY

    def all_of(self, depth: int) -> Matcher:
        parts = [self._any_of(depth)]
        while self._next() not in ("", ")"):
            parts.append(self._any_of(depth))
        return _all(parts)

    def at_end(self) -> bool:
        return not self._next()

    def fail(self, what: str, position: int | None = None) -> NoReturn:
        raise FilterError(what, self._position if position is None else position)

    def _any_of(self, depth: int) -> Matcher:
        parts = [self._each_of(depth)]
        while self._taken("|"):
            parts.append(self._each_of(depth))
        return parts[0] if len(parts) == 1 else lambda found: any(each(found) for each in parts)

    def _each_of(self, depth: int) -> Matcher:
        parts = [self._not(depth)]
        while self._taken("&"):
            parts.append(self._not(depth))
        return _all(parts)

    def _not(self, depth: int) -> Matcher:
        if depth > MAX_NESTING:
            self.fail(f"it nests deeper than {MAX_NESTING} times")
        self._next()
        start = self._position
        if self._taken("!"):
            negated = self._not(depth + 1)
            return lambda found: not negated(found)
        if self._taken("("):
            matcher = self.all_of(depth + 1)
            if not self._taken(")"):
                self.fail("this parenthesis is never closed", start)
            return matcher
        if self._taken("~"):
            return self._term()
        if self._next() in ("", ")", "&", "|"):
            self.fail("an expression is missing here")
        position = self._position
        return self._made(URL, self._argument(URL), position)

    def _term(self) -> Matcher:
        start = self._position - 1
        name = self._matched(_NAME)
        term = TERMS.get(name)
        if term is None:
            if name in NOT_KEPT:
                self.fail(f"replayd does not keep what ~{name} is about", start)
            self.fail(f"there is no ~{name}; see docs/filters.md for all there are", start)
        if not term.argument:
            return term.make("", self._search_for)
        self._next()
        position = self._position
        if term.argument == "NUMBER":
            argument = self._matched(_DIGITS) or self.fail(f"~{name} needs a number here")
        else:
            argument = self._argument(name)
        return self._made(name, argument, position)

    def _made(self, name: str, argument: str, position: int) -> Matcher:
        try:
            return TERMS[name].make(argument, self._search_for)
        except (re.error, OverflowError, RecursionError, ValueError) as error:
            self.fail(f"{argument!r} is no regular expression: {error}", position)

    def _argument(self, name: str) -> str:
        quote = self._next()
        if quote in ("'", '"'):
            return self._quoted(quote)
        return self._matched(_WORD) or self.fail(f"~{name} needs a regular expression here")

    def _quoted(self, quote: str) -> str:
        start = self._position
        self._position += 1
        read: list[str] = []
        while (character := self._text[self._position : self._position + 1]) != quote:
            if character == "\\":
                self._position += 1
                character = self._text[self._position : self._position + 1]
                read.append(_ESCAPED.get(character, character))
            else:
                read.append(character)
            if not character:
                self.fail("this quote is never closed", start)
            self._position += 1
        self._position += 1
        return "".join(read)

    def _next(self) -> str:
        """Skips white space; returns the next character, or nothing at the end."""
        while (character := self._text[self._position : self._position + 1]) in _SPACE:
            if not character:
                break
            self._position += 1
        return character

    def _taken(self, character: str) -> bool:
        if self._next() != character:
            return False
        self._position += 1
        return True

    def _matched(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        if found is None:
            return ""
        self._position = found.end()
        return found.group()


def _all(parts: list[Matcher]) -> Matcher:
    return parts[0] if len(parts) == 1 else lambda found: all(each(found) for each in parts)
