"""What backslashes mean in a shell's `$'...'` and to its `printf` (bash(1))."""

import re

_ESCAPE = re.compile(
    rb"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})"
    rb"|U([0-9a-fA-F]{1,8})|c(.))",
    re.DOTALL,
)
_LETTERS = dict(zip(b"abeEfnrtv\\'\"?", b"\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))

_FORMAT = re.compile(_ESCAPE.pattern + rb"|%(.?)", re.DOTALL)


class UnknownOutputError(Exception):
    """A command's output can't be told."""


def ansi_c(text: bytes) -> bytes:
    """Returns what `$'text'` stands for; it ends at a NUL, as a shell's strings do."""
    return _ESCAPE.sub(_escaped, text).partition(b"\0")[0]


def printf(words: list[bytes]) -> bytes:
    """Returns what a command prints, if that is printf with %s and %% at the most.

    Raises UnknownOutputError.
    """
    if len(words) < 2 or words[0] != b"printf" or words[1].startswith(b"-"):
        raise UnknownOutputError
    arguments = iter(words[2:])

    def replaced(found: re.Match[bytes]) -> bytes:
        directive: bytes | None = found.groups()[-1]
        if directive is None:
            return _escaped(found)
        if directive not in (b"%", b"s"):
            raise UnknownOutputError
        return b"%" if directive == b"%" else next(arguments, b"")

    text = _FORMAT.sub(replaced, words[1])
    if next(arguments, None) is not None:
        # The format would be used once more.
        raise UnknownOutputError
    return text


def _escaped(found: re.Match[bytes]) -> bytes:
    letter, octal, octets, small, large, control = found.groups()[:6]
    if letter:
        return bytes((_LETTERS[letter[0]],))
    if octal:
        return bytes((int(octal, 8) & 0xFF,))
    if octets:
        return bytes((int(octets, 16),))
    if control:
        return bytes((control[0] & 0x1F,))
    code = int(small or large, 16)
    # A shell writes any number; no text has these.
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else found[0]
