"""Compression of fields: nothing changes on the way, secrets stay out of tables."""

import hpack
import pytest

from replayd.wire.http2_fields import FieldDecoder, FieldEncoder, hiding_secrets

FIELDS = (
    (b":method", b"GET"),
    (b"X-Upper", b" spaced "),
    (b"cookie", b"a=1"),
    (b"cookie", b"b=2"),
    (b"x-latin", b"caf\xe9\x00"),
    (b"x-empty", b""),
    (b"authorization", b"Basic x"),
)


def test_fields_arrive_as_they_were_said() -> None:
    encoder, decoder = FieldEncoder(), hpack.Decoder()
    for _ in range(3):
        block = encoder.encode(hiding_secrets(FIELDS))
        assert [tuple(field) for field in decoder.decode(block, raw=True)] == list(FIELDS)


def test_secrets_are_never_put_into_a_table() -> None:
    encoder, decoder = FieldEncoder(), hpack.Decoder()
    fields = hiding_secrets((*FIELDS, (b"Proxy-Authorization", b"x")))
    said = decoder.decode(encoder.encode(fields), raw=True)
    assert {name for name, _ in encoder.header_table.dynamic_entries} == {
        b"X-Upper",
        b"x-latin",
        b"x-empty",
    }
    hidden = [name for name, _ in (each for each in said if not each.indexable)]
    assert hidden == [b"cookie", b"cookie", b"authorization", b"Proxy-Authorization"]


@pytest.mark.parametrize(("allowed", "used"), [(1 << 32, 4096), (100, 100), (0, 0)])
def test_our_table_stays_small_whatever_is_allowed(allowed: int, used: int) -> None:
    encoder, decoder = FieldEncoder(), hpack.Decoder()
    decoder.max_allowed_table_size = allowed
    encoder.header_table_size = allowed
    encoder.header_table_size = allowed  # Said twice: told once.
    assert encoder.header_table_size == used
    fields = [(b"x-%d" % at, bytes(90)) for at in range(100)]
    assert [tuple(each) for each in decoder.decode(encoder.encode(fields), raw=True)] == fields
    assert encoder.header_table.maxsize == used


@pytest.mark.parametrize(
    ("fields", "ending", "shadow"),
    [
        ([(b":status", b"200"), (b"content-length", b"x")], False, [(b":status", b"200")]),
        ([(b":status", b"103"), (b"link", b"x")], False, [(b":status", b"100")]),
        ([(b":status", b"103")], True, [(b":status", b"200")]),
        ([(b"x-trailer", b"1")], True, []),
    ],
)
def test_h2_gets_a_shadow(fields: list, ending: bool, shadow: list) -> None:
    decoder = FieldDecoder(1000)
    decoder.ending = ending
    assert [tuple(each) for each in decoder.decode(hpack.Encoder().encode(fields))] == shadow
    assert decoder.fields == tuple(fields)


def test_what_expands_too_far_is_refused() -> None:
    block = hpack.Encoder().encode([(b"x-long", b"y" * 900)])
    reference = bytes([0x80 | 62])
    decoder = FieldDecoder(10_000)
    decoder.decode(block + reference * 9)
    with pytest.raises(hpack.OversizedHeaderListError):
        decoder.decode(reference * 20)
