"""The values of curl's -F and --form-string, to the parts of a form."""

from replayd.formats.multipart import Part

_PARAMETERS = (b"type=", b"filename=", b"headers=", b"encoder=")


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
        raise FileError(_word(part.content[1:])[0])
    if part.content.startswith((b"=(", b"=)")) or (not part.name and part.content[:1] in b"()"):
        raise FormError("a form inside a form is not read")
    content, rest = _word(part.content)
    part = part._replace(content=content)
    while rest:
        said = rest[1:].lstrip()
        if said.startswith(b"type="):
            content_type, rest = _content_type(said[5:])
            part = part._replace(content_type=content_type)
        elif said.startswith(b"filename="):
            file_name, rest = _word(said[9:])
            part = part._replace(file_name=file_name)
        elif said.startswith((b"headers=", b"encoder=")):
            raise FormError(f"a form's {said[:7].decode()} are not read")
        else:
            unknown, rest = _word(said)
            if unknown:
                notes.append(f"curl skips {unknown[:40]!r} in the form: it is not quoted")
    return part


def _word(text: bytes) -> tuple[bytes, bytes]:
    """Takes a value off, to the next semicolon unless it stands in double quotes."""
    text = text.lstrip()
    if text.startswith(b'"'):
        taken, at = bytearray(), 1
        while at < len(text):
            if text[at : at + 1] == b"\\" and text[at + 1 : at + 2] in (b"\\", b'"'):
                at += 1
            elif text[at : at + 1] == b'"':
                _, semicolon, rest = text[at + 1 :].partition(b";")
                return bytes(taken), semicolon + rest
            taken += text[at : at + 1]
            at += 1
    content, semicolon, rest = text.partition(b";")
    return content.rstrip(), semicolon + rest


def _content_type(text: bytes) -> tuple[bytes, bytes]:
    """Takes a media type off, with its own parameters."""
    end = text.find(b";")
    while end >= 0 and not text[end + 1 :].lstrip().startswith(_PARAMETERS):
        end = text.find(b";", end + 1)
    end = len(text) if end < 0 else end
    return text[:end].strip(), text[end:]
