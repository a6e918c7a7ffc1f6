"""Multipart contents; more of it with HARs and curl commands."""

from replayd.formats.multipart import Part, multipart


def test_parts_are_put_together() -> None:
    parts = [Part(b"a", b"1"), Part(b'q"\r\n', b"\r\n", b"", b"text/plain")]
    assert multipart(parts, b"B") == (
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--B\r\nContent-Disposition: form-data; name="q%22%0D%0A"; filename=""\r\n'
        b"Content-Type: text/plain\r\n\r\n\r\n\r\n--B--\r\n"
    )
    assert multipart([], b"B", b"attachment") == b"--B--\r\n"
