"""Equal responses are told by their digests, and no other ones."""

import pytest

from replayd.comparing.digests import SIZE, digest_of
from replayd.model.flow import Headers

HEADERS: Headers = ((b"Content-Type", b"text/plain"), (b"Date", b"now"), (b"Set-Cookie", b"a=1"))


def digest(
    headers: Headers = HEADERS, *, key: bytes = b"key", status: int = 200, content: bytes = b"x"
) -> bytes:
    return digest_of(key, status, headers, content)


def test_what_changes_with_every_answer_does_not_count() -> None:
    later = ((b"content-type", b"text/plain"), (b"date", b"later"), (b"set-cookie", b"a=2"))
    assert digest() == digest(later) == digest((*later, (b"Transfer-Encoding", b"chunked")))
    assert len(digest()) == SIZE


@pytest.mark.parametrize(
    "other",
    [
        digest(status=201),
        digest(content=b"y"),
        digest(key=b"other"),
        digest(HEADERS[:2]),
        digest((*HEADERS[:2], (b"set-cookie", b"b=1"))),
        digest(((b"content-type", b"text/html"), *HEADERS[1:])),
        digest((*HEADERS, (b"x-" + b"n" * 100, b""))),
    ],
)
def test_what_else_differs_does(other: bytes) -> None:
    assert other != digest()
