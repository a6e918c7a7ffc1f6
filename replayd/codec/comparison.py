"""Comparisons: model -> `flowreplay.v1.Comparison`; and the heads that they are made of."""

from flowreplay.v1 import comparison_pb2, flow_pb2

from replayd.codec.fields import add_headers, headers_from
from replayd.model.comparison import Comparison
from replayd.model.flow import Headers, Response
from replayd.model.outcome import ResponseHead


def encode_comparison(comparison: Comparison, *, reveal: bool) -> bytes:
    """Encodes a comparison, with its secrets or with what everybody may see."""
    message = comparison_pb2.Comparison(
        result=comparison_pb2.ComparisonResult.ValueType(comparison.verdict.value),
        difference_count=comparison.difference_count,
        ignored_count=comparison.ignored_count,
        note=comparison.note,
        sent_twice=comparison.sent_twice,
        learnt_rules=comparison.noise,
    )
    for difference in comparison.differences:
        told = message.differences.add(
            kind=comparison_pb2.DifferenceKind.ValueType(difference.kind.value),
            place=difference.path,
        )
        if difference.recorded is not None:
            told.recorded_value = difference.recorded[0 if reveal else 1]
        if difference.replayed is not None:
            told.replayed_value = difference.replayed[0 if reveal else 1]
    return message.SerializeToString()


def answer_message(head: ResponseHead, trailers: Headers) -> bytes:
    """Encodes what is compared of a response beside its content, as a `flowreplay.v1.Response`."""
    message = flow_pb2.Response(status_code=head.status_code)
    add_headers(message.headers, head.headers)
    if trailers:
        add_headers(message.trailers, trailers)
    return message.SerializeToString()


def answer_from(encoded: bytes) -> Response:
    """Decodes what is compared of a response, without its content."""
    message = flow_pb2.Response.FromString(encoded)
    return Response(
        http_version=message.http_version,
        status_code=message.status_code,
        reason_phrase=message.reason_phrase,
        headers=headers_from(message.headers),
        content=None if message.content_missing else b"",
        trailers=headers_from(message.trailers),
    )
