"""How the end of a request's content is marked (RFC 9112 section 6).

As captured, wherever that matches the content. A capture holds contents without their
chunks, and what was edited or streamed may contradict its fields: then exactly one of
Content-Length and chunked coding is made to fit, and the change is named. Without a mark
that fits, the rest of the content would be read as the next request. HTTP/2 has frames for
that, and needs no more than a Content-Length that does not contradict them.
"""

from replayd.model.plan import ChangeKind, Framing
from replayd.planning.draft import Draft, is_field

_ABOUT_CONTENT = (b"content-length", b"transfer-encoding")

_SPACE = b" \t\r\n\v\f\0"


def frame(draft: Draft, size: int) -> Framing:
    """Makes the fields fit a content of `size` bytes; says how its end is marked."""
    if not size and not draft.trailers and draft.names.isdisjoint(_ABOUT_CONTENT):
        return Framing.NONE
    codings = transfer_codings(draft)
    needs_end = size or draft.trailers or draft.values(b"content-length")
    if needs_end and not _chunked_last(codings):
        codings = _end_codings(draft, codings)
    if not codings and draft.trailers:
        codings = _carry_trailers(draft)
    if _chunked_last(codings):
        return _chunked(draft, size)
    if not codings:
        return _content_length(draft, size)
    return Framing.NONE


def frame_raw(draft: Draft, size: int, *, http2: bool) -> Framing:
    """Leaves the fields as captured, though they contradict the content or each other.

    The chunks that Transfer-Encoding speaks of are not in the capture and are made anew.
    An HTTP/2 content, whose end no field had to mark, still gets its Content-Length.
    """
    codings = transfer_codings(draft)
    if _chunked_last(codings):
        _name_chunks(draft, size)
        return Framing.CHUNKED
    _drop_trailers(draft)
    if http2 and not draft.values(b"content-length"):
        return _content_length(draft, size)
    return Framing.RAW if size else Framing.NONE


def transfer_codings(draft: Draft) -> list[bytes]:
    """Returns the transfer codings, in lower case, in the order of their application."""
    values = draft.values(b"transfer-encoding")
    if not values:
        return []
    members = b",".join(values).split(b",")
    names = (member.partition(b";")[0].strip(_SPACE).lower() for member in members)
    return [name for name in names if name]


def _chunked_last(codings: list[bytes]) -> bool:
    """Whether the codings mark the content's end: only chunked does, and only as last."""
    return codings[-1:] == [b"chunked"]


def _end_codings(draft: Draft, codings: list[bytes]) -> list[bytes]:
    """Gives codings that mark no end one that does (RFC 9112 section 6.1)."""
    places = [i for i, (name, _) in enumerate(draft.fields) if is_field(name, b"transfer-encoding")]
    if not places:
        return codings
    if set(codings) <= {b"identity"}:
        # Means no coding: Content-Length can mark the end.
        draft.remove(b"transfer-encoding")
        said = ": identity" if codings else " without a coding"
        draft.change(ChangeKind.FIELD_REMOVED, f"Transfer-Encoding{said} removed")
        return []
    last = places[-1]
    draft.insert(last + 1, draft.fields[last][0], b"chunked")
    named = b", ".join(codings).decode("latin-1")
    draft.change(ChangeKind.CHUNK_SIZES, f"Transfer-Encoding: chunked added after {named}")
    return [*codings, b"chunked"]


def _carry_trailers(draft: Draft) -> list[bytes]:
    """Turns to chunked coding, the only one with trailers; HTTP/1.0 has none."""
    if draft.version == b"HTTP/1.0":
        _drop_trailers(draft)
        return []
    draft.add(b"Transfer-Encoding", b"chunked")
    draft.change(ChangeKind.CHUNK_SIZES, "Transfer-Encoding: chunked added for the trailers")
    return [b"chunked"]


def _drop_trailers(draft: Draft) -> None:
    for name, _ in draft.trailers:
        draft.change(ChangeKind.FIELD_REMOVED, f"trailer {name.decode('latin-1')} removed")
    draft.trailers = ()


def _chunked(draft: Draft, size: int) -> Framing:
    lengths = draft.values(b"content-length")
    if lengths:
        draft.remove(b"content-length")
        draft.change(
            ChangeKind.CONTENT_LENGTH,
            f"Content-Length: {_text(lengths)} removed beside Transfer-Encoding: chunked",
        )
    _name_chunks(draft, size)
    return Framing.CHUNKED


def _name_chunks(draft: Draft, size: int) -> None:
    if size:
        draft.change(ChangeKind.CHUNK_SIZES, f"the content's {size} bytes are sent as one chunk")


def _content_length(draft: Draft, size: int) -> Framing:
    if size and not draft.values(b"content-length"):
        draft.add(b"Content-Length", b"%d" % size)
        draft.change(ChangeKind.CONTENT_LENGTH, f"Content-Length: {size} added")
    mend_length(draft, size)
    return Framing.CONTENT_LENGTH if size else Framing.NONE


def mend_length(draft: Draft, size: int) -> None:
    """Makes one right Content-Length, where the first one stands, of those that are wrong."""
    lengths = draft.values(b"content-length")
    if not lengths:
        return
    right = b"%d" % size
    members = [member.strip(_SPACE) for member in b",".join(lengths).split(b",")]
    if all(member.isdigit() and (member.lstrip(b"0") or b"0") == right for member in members):
        return
    first = next(i for i, (name, _) in enumerate(draft.fields) if is_field(name, b"content-length"))
    name = draft.fields[first][0]
    draft.remove(b"content-length")
    draft.insert(first, name, right)
    draft.change(ChangeKind.CONTENT_LENGTH, f"Content-Length: {_text(lengths)} -> {size}")


def _text(values: list[bytes]) -> str:
    return b", ".join(values).decode("latin-1")[:100]
