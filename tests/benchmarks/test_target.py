import pytest

from benchmarks.target import answer, asked_for, request_size
from benchmarks.workloads import GET_32, LARGE_1, POST_32, SLOW_32, Workload, sized


@pytest.mark.parametrize("workload", [GET_32, POST_32], ids=["get", "post"])
def test_a_request_ends_where_it_ends(workload: Workload) -> None:
    request = workload.request(80, 5)
    assert request_size(request + b"GET /next") == len(request)
    for cut in range(len(request)):
        assert request_size(request[:cut]) == 0


@pytest.mark.parametrize(
    ("workload", "asked"), [(GET_32, b"small"), (LARGE_1, b"large"), (SLOW_32, b"slow")]
)
def test_the_path_says_what_is_asked_for(workload: Workload, asked: bytes) -> None:
    assert asked_for(workload.request(80, 5)) == asked


def test_another_path_has_a_name_too() -> None:
    assert asked_for(b"GET / HTTP/1.1\r\n\r\n") == b""
    assert asked_for(b"GET /.count HTTP/1.1\r\n\r\n") == b".count"


@pytest.mark.parametrize(
    ("asked", "size"), [("small", 1024), ("large", 1 << 20), (sized(0), 0), (sized(77), 77)]
)
def test_answers_are_as_large_as_they_say(asked: str, size: int) -> None:
    head, _, content = answer(asked.encode()).partition(b"\r\n\r\n")
    assert len(content) == size
    assert head.endswith(b"Content-Length: %d" % size)
