"""How the inputs of each format are made: from which seeds, changed how, written how.

An input is a structure that was changed and then written well, so that the change is
reached, or written bytes that were changed, or both. Every recipe is a row of `RECIPES`.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Protocol

from replayd.formats import Format
from replayd.formats.goreplay.records import SEPARATOR
from tools.fuzz import seeds, written
from tools.fuzz.octets import Octets
from tools.fuzz.trees import Tree, Trees

_HTTP_WORDS = (
    b"\r\n\r\n", b"\r\n", b"\n\n", b"\n ", b"HTTP/1.1", b"HTTP/2", b" HTTP/1.0\r\n", b"CONNECT ",
    b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Host: b\r\n", b"http://",
    b"0\r\n", b"fffffffff\r\n", b"Expect: 100-continue\r\n", b":authority", b"[::1]:",
    b"Upgrade: websocket\r\n",
)  # fmt: skip

_ODD: tuple[Tree, ...] = (
    None, True, False, 0, -1, 1, 65536, 2**31, 2**53, 2**63, 2**64, 10**30, 10**400, -0.0, 1e308,
    math.inf, math.nan, 1700000000.5, 253402300800, b"", b"\xff", b"\r\n", [], {}, [[]], [["a"]],
    [[b"a", b"b"]], {"": None}, "", "x" * 300, "\0", "\u00e9", "\U0001f435", "\u0130\u0307" * 20,
    "a b", "http://a.test:99999/", "https://[::1", "//", "-1", "1e5", "POST", "CONNECT", "HTTP/2.0",
    "HTTP/3", "base64", "gzip", "text/plain; charset=utf-16le", "multipart/form-data", "xn--a",
    "2020-01-01T00:00:00Z",
)  # fmt: skip


class Recipe(Protocol):
    """Makes the inputs of one format."""

    @property
    def format(self) -> Format:
        """The format of what is made."""

    def make(self, rng: Random) -> bytes:
        """Returns an input."""

    def seeds(self) -> list[bytes]:
        """Returns what inputs are made from, as it is."""


@dataclass(frozen=True)
class Text:
    """Bytes that are changed as they are."""

    format: Format
    texts: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...]

    @cached_property
    def _octets(self) -> Octets:
        return Octets(self.words)

    def make(self, rng: Random) -> bytes:
        """Returns one text, or some, changed."""
        text = b"".join(rng.choices(self.texts(), k=_how_many(rng)))
        return self._octets.changed(text, rng)

    def seeds(self) -> list[bytes]:
        """Returns the texts."""
        return list(self.texts())


@dataclass(frozen=True)
class Structured:
    """Structures that are changed before they are written, or afterwards."""

    format: Format
    trees: Callable[[], Sequence[Tree]]
    write: Callable[[list[Tree], Random], bytes]
    words: tuple[bytes, ...]
    odd: tuple[Tree, ...] = ()

    @cached_property
    def _octets(self) -> Octets:
        return Octets(self.words)

    @cached_property
    def _trees(self) -> Trees:
        return Trees(self._octets, _ODD + self.odd, self.trees())

    def make(self, rng: Random) -> bytes:
        """Returns one structure, or some, changed and written."""
        chosen = rng.choices(self.trees(), k=_how_many(rng))
        how = rng.random()
        if how < 0.7:
            chosen[0] = self._trees.changed(chosen[0], rng)
        made = self.write(chosen, rng)
        return made if how < 0.6 else self._octets.changed(made, rng)

    def seeds(self) -> list[bytes]:
        """Returns each structure, written."""
        return [self.write([tree], Random(0)) for tree in self.trees()]  # noqa: S311


def _how_many(rng: Random) -> int:
    """Chooses how many seeds an input is made of: one makes it fast, many make it long."""
    drawn = rng.random()
    return 20 if drawn < 0.01 else 2 if drawn < 0.1 else 1


@dataclass(frozen=True)
class Packed:
    """Another format's inputs, packed, and what is packed changed now and then."""

    recipe: Recipe
    wbits: int

    @property
    def format(self) -> Format:
        """That of what is packed."""
        return self.recipe.format

    def make(self, rng: Random) -> bytes:
        """Returns an input in one member or two."""
        data = self.recipe.make(rng)
        cut = rng.randrange(len(data) + 1) if rng.random() < 0.1 else 0
        packed = self._pack(data[:cut]) * bool(cut) + self._pack(data[cut:])
        return _TORN.changed(packed, rng) if rng.random() < 0.3 else packed

    def seeds(self) -> list[bytes]:
        """Returns the other format's seeds, packed."""
        return [self._pack(seed) for seed in self.recipe.seeds()]

    def _pack(self, data: bytes) -> bytes:
        packer = zlib.compressobj(1, zlib.DEFLATED, self.wbits)
        return packer.compress(data) + packer.flush()


_TORN = Octets((b"\x1f\x8b\x08\0\0\0\0\0\0\3", b"\x78\x9c", b"\0" * 20))


_DUMP = Structured(
    Format.MITMPROXY,
    seeds.flows,
    written.dump,
    (b"0:~", b"0:}", b"0:]", b"4:true!", b"7:version;2:21#", b"3:1:1#]", b"999999999999:",
     b"4:type;"),
    odd=([0, 11], [3, 0], [0, 0, 0], {"version": 21}, "websocket", "tcp"),
)  # fmt: skip
_HAR = Structured(
    Format.HAR,
    seeds.entries,
    written.har,
    (b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b",", b":", b"null", b"NaN", b'"entries":['),
    odd=("\ud800", "\ud83d\ude00", "a\udcff"),
)
_GOREPLAY = Text(
    Format.GOREPLAY,
    seeds.goreplay,
    (SEPARATOR, b"1 a 1 0\n", b"2 a1 9223372036854775807 -1\n", b"3 a 1\n", *_HTTP_WORDS),
)

RECIPES: dict[str, Recipe] = {
    "mitmproxy": _DUMP,
    "har": _HAR,
    "zhar": Packed(_HAR, zlib.MAX_WBITS),
    "goreplay": _GOREPLAY,
    "gor.gz": Packed(_GOREPLAY, 16 + zlib.MAX_WBITS),
    "burp": Structured(
        Format.BURP,
        seeds.items,
        written.burp,
        (b"<", b">", b"<![CDATA[", b"]]>", b"&amp;", b"&x;", b"</item>", b"<item>", b"<!--",
         b"<a/>",
         b"<!ENTITY x 'y'>", b"&#xd800;", b' encoding="utf-7"', b' encoding="cp037"', b"&#0;",
         *_HTTP_WORDS),
    ),
    "saz": Structured(
        Format.SAZ,
        seeds.archives,
        written.archive,
        (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\xff\xff\xff\xff", b"\1\0\20\0",
         b"raw/1_c.txt", b"_m.xml", *_HTTP_WORDS),
    ),
    "http": Text(
        Format.HTTP,
        seeds.requests,
        (b"###", b"\n### x\n", b"{{host}}", b"{{", b"}}", b"@a = {{b}}{{b}}\n", b"# @name x\n",
         b"< f\n",
         b"> {%", b"GET ", *_HTTP_WORDS),
    ),
    "curl": Text(
        Format.CURL,
        seeds.commands,
        (b"curl ", b"$(", b")", b"`", b"'", b'"', b"$'", b"\\\n", b"<<E\n", b"<<<", b" -d ",
         b" -F a=",
         b" --next ", b"${x", b"; ", b" -H ", b"\\u", b"$(printf '%s' ", b" --", b" --json ",
         b";type="),
    ),
}  # fmt: skip
"""By the name of a format; those that are packed have one of their own."""
