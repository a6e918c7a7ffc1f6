"""The forms of a planned request, for people: that of HTTP/2, that of HTTP/1, or both where
the server is yet to choose. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flowreplay.v1 import flow_pb2
from flowreplay.v1 import plan_pb2 as pb

from replayctl.printable import printable


@dataclass(frozen=True)
class Form:
    """A request as one version of HTTP has it."""

    title: str
    """When it leaves like this; empty: always, over HTTP/1."""
    changes: Sequence[pb.Change]
    head: Sequence[str]
    """All lines before the content, printable."""
    trailers: Sequence[str] = ()
    chunked: bool = False

    def described_changes(self) -> str:
        """Says the changes in one line; empty: there are none."""
        return "; ".join(printable(change.description) for change in self.changes)


def forms(plan: pb.Plan) -> list[Form]:
    """Returns the forms in which a request may leave, the likelier one first."""
    versions = plan.target.http_versions
    found = []
    if versions == pb.HTTP_VERSIONS_TWO_OR_ONE:
        found.append(_http2(plan.http2, "over HTTP/2, if the server chooses it"))
        found.append(_http1(plan, "else over HTTP/1.1"))
    elif versions == pb.HTTP_VERSIONS_TWO:
        found.append(_http2(plan.http2, "over HTTP/2"))
    else:
        found.append(_http1(plan, ""))
    return found


def _http1(plan: pb.Plan, title: str) -> Form:
    return Form(
        title=title,
        changes=plan.changes,
        head=_section(plan.head.removesuffix(b"\r\n\r\n")),
        trailers=_section(plan.trailer_section.removesuffix(b"\r\n")),
        chunked=plan.framing == pb.FRAMING_CHUNKED,
    )


def _http2(request: pb.Http2Request, title: str) -> Form:
    return Form(
        title=title,
        changes=request.changes,
        head=list(_fields(request.headers)),
        trailers=list(_fields(request.trailers)),
    )


def _section(section: bytes) -> list[str]:
    return [printable(line) for line in section.split(b"\r\n")] if section else []


def _fields(fields: Sequence[flow_pb2.Header]) -> Iterator[str]:
    return (f"{printable(field.name)}: {printable(field.value)}" for field in fields)
