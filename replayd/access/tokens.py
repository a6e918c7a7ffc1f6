"""The token file: who may call, with which roles, and how each is known. Pure.

A line for each caller, of three words: a name for people, roles parted by commas (`all` for
each of them), and how the caller is known: its token, `sha256:` and the token's digest in
hex, or `cert:` and a name in its certificate. Empty lines and lines that begin with `#` say
nothing.

    ci      enqueue,read  sha256:1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014
    alice   all           cert:alice.example.org
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import NamedTuple

from replayd.access.roles import Caller, Role

MIN_TOKEN_LENGTH = 24
"""Characters: no token that is shorter can't be guessed."""

_ALL = "all"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What may follow `Bearer` (RFC 6750 section 2.1)."""
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


class Tokens(NamedTuple):
    """The callers of a token file."""

    digests: dict[bytes, Caller]
    """The SHA-256 of each token, and whose it is."""
    certificates: dict[str, Caller]
    """A name that a certificate may have, and who that is."""

    def holder(self, token: str) -> Caller | None:
        """Returns whose token this is; takes the same time for every text of one length."""
        shown = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        found = None
        for digest, caller in self.digests.items():
            if hmac.compare_digest(digest, shown):
                found = caller
        return found

    def certified(self, names: Iterable[str]) -> Caller | None:
        """Returns who has a certificate with these names: the first that the file has."""
        return next((self.certificates[name] for name in names if name in self.certificates), None)


def only(token: str, caller: Caller) -> Tokens:
    """Makes what a file with this one token would be."""
    return Tokens({hashlib.sha256(token.encode()).digest(): caller}, {})


def parse_tokens(text: str) -> Tokens:
    """Reads a token file; raises ValueError, which says the line and never a token."""
    tokens = Tokens({}, {})
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            _add(tokens, words, names)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if not names:
        raise ValueError("it names no caller; write a line with NAME ROLES TOKEN")
    return tokens


def _add(tokens: Tokens, words: list[str], names: set[str]) -> None:
    if len(words) != 3:
        raise ValueError(f"it has {len(words)} words; write NAME ROLES TOKEN")
    name, roles, known_by = words
    if not name.isprintable() or name in names:
        raise ValueError("its name is an earlier line's too, or can't be printed; write another")
    names.add(name)
    caller = Caller(name, _roles(roles), known=True)
    if known_by.startswith("cert:"):
        subject = known_by.removeprefix("cert:")
        if not subject or subject in tokens.certificates:
            raise ValueError("its certificate has no name, or an earlier line's")
        tokens.certificates[subject] = caller
        return
    digest = _digest(known_by)
    if digest in tokens.digests:
        raise ValueError("its token is an earlier line's too; give each caller its own")
    tokens.digests[digest] = caller


def _roles(text: str) -> frozenset[Role]:
    if text == _ALL:
        return frozenset(Role)
    known = {role.value: role for role in Role}
    words = text.split(",")
    if not set(words) <= known.keys():
        # Not repeated: who swaps the words has the token here.
        raise ValueError(f"its second word is no list of roles; write {', '.join(known)} or {_ALL}")
    return frozenset(known[word] for word in words)


def _digest(known_by: str) -> bytes:
    if known_by.startswith("sha256:"):
        digest = known_by.removeprefix("sha256:")
        if not _DIGEST.fullmatch(digest):
            raise ValueError("after sha256: come the 64 hex digits of the token's SHA-256")
        return bytes.fromhex(digest)
    if len(known_by) < MIN_TOKEN_LENGTH:
        raise ValueError(
            f"its token has fewer than {MIN_TOKEN_LENGTH} characters, so it could be guessed; "
            "make one with `openssl rand -hex 32`"
        )
    if not _TOKEN.fullmatch(known_by):
        raise ValueError(
            "its token has characters that no header field can carry; make one with "
            "`openssl rand -hex 32`"
        )
    return hashlib.sha256(known_by.encode()).digest()
