import pytest

from benchmarks.target import ANSWERS, asked_for, request_size
from benchmarks.workloads import ANSWER_BYTES, GET_32, LARGE_1, POST_32, SLOW_32, Workload


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


def test_answers_are_as_large_as_they_say() -> None:
    for path, answer in ANSWERS.items():
        head, _, content = answer.partition(b"\r\n\r\n")
        assert len(content) == ANSWER_BYTES[path.decode()]
        assert head.endswith(b"Content-Length: %d" % len(content))
