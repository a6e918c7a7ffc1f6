"""The values of curl's -F and --form-string, to the parts of a form."""

import re

from replayd.formats.multipart import Part

_PARAMETER = re.compile(rb";\s*+(type|filename|headers|encoder)=")
_QUOTED = re.compile(rb'\s*+"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\])')


class FileError(Exception):
    """A part comes from a file, which a command line does not hold."""

    def __init__(self, file: bytes) -> None:
        super().__init__(file)
        self.file = file


class FormError(Exception):
    """curl would refuse the value, or sends what is not made here."""


def form_string(value: bytes) -> Part:
    """Reads NAME=CONTENT, whatever the content is. Raises FormError."""
    name, equals, content = value.partition(b"=")
    if not equals:
        raise FormError(f"the form's part {value[:40]!r} has no =")
    return Part(name, content)


def form_part(value: bytes, notes: list[str]) -> Part:
    """Reads NAME=CONTENT[;type=...][;filename=...]. Raises FormError and FileError."""
    part = form_string(value)
    if part.content.startswith((b"@", b"<")):
        raise FileError(_word(part.content, 1)[0])
    if part.content.startswith((b"=(", b"=)")) or (not part.name and part.content[:1] in b"()"):
        raise FormError("a form inside a form is not read")
    return _with_parameters(part, notes)


def _with_parameters(part: Part, notes: list[str]) -> Part:
    """Takes what follows the content's first semicolon that is not quoted for what it says."""
    text = part.content
    content, at = _word(text, 0)
    part = part._replace(content=content)
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None:
            unknown, at = _word(text, at + 1)
            if unknown:
                notes.append(f"curl skips {unknown[:40]!r} in the form: it is not quoted")
        elif found[1] == b"type":
            content_type, at = _content_type(text, found.end())
            part = part._replace(content_type=content_type)
        elif found[1] == b"filename":
            file_name, at = _word(text, found.end())
            part = part._replace(file_name=file_name)
        else:
            raise FormError(f"a form's {found[1].decode()} are not read")
    return part


def _word(text: bytes, at: int) -> tuple[bytes, int]:
    """Takes a value off, to the next semicolon unless it stands in double quotes; returns it
    and where that semicolon is, or the end.
    """
    quoted = _QUOTED.match(text, at)
    end = text.find(b";", quoted.end() if quoted else at)
    end = len(text) if end < 0 else end
    return _ESCAPED.sub(rb"\1", quoted[1]) if quoted else text[at:end].strip(), end


def _content_type(text: bytes, at: int) -> tuple[bytes, int]:
    """Takes a media type off, with its own parameters."""
    found = _PARAMETER.search(text, at)
    end = found.start() if found else len(text)
    return text[at:end].strip(), end
