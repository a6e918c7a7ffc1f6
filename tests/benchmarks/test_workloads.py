from benchmarks.workloads import (
    ALL,
    GET_1,
    GET_1_SAME,
    GET_32,
    HTTPS_32,
    POST_32,
    SESSIONS,
    SLOW_32,
    SLOW_500,
    ideal_rate,
    indices,
)


def test_a_request_is_a_browsers() -> None:
    request = GET_32.request(8080, 7)
    lines = request.split(b"\r\n")
    assert lines[:2] == [b"GET /small/7 HTTP/1.1", b"Host: 127.0.0.1:8080"]
    assert request.endswith(b"\r\n\r\n")
    assert 250 < len(request) < 400


def test_a_post_announces_its_content() -> None:
    head, _, content = POST_32.request(8080, 7).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /small/7 HTTP/1.1\r\n")
    assert head.endswith(b"\r\nContent-Length: 1024")
    assert len(content) == 1024


def test_urls_say_what_is_wanted() -> None:
    assert HTTPS_32.url(8443, 3) == "https://127.0.0.1:8443/small/3"
    assert SLOW_32.url(80, 0) == "http://127.0.0.1:80/slow/0"


def test_sessions_never_hold_back_the_concurrency() -> None:
    assert GET_32.sessions == SESSIONS
    assert SLOW_500.sessions == 1000
    assert len({session for _, session in indices(SLOW_500, 5000)}) == 1000


def test_each_slot_has_something_to_do() -> None:
    assert GET_32.count(1000) == 1000
    assert SLOW_32.count(1000) == 500
    assert SLOW_500.count(10) == 1000


def test_titles_are_different_and_say_where() -> None:
    assert len({workload.title for workload in ALL}) == len(ALL)
    assert (GET_1.title, GET_1_SAME.title) == (
        "GET, 1 at once [split]",
        "GET, 1 at once [same]",
    )


def test_the_ideal_is_what_waiting_allows() -> None:
    assert (ideal_rate(SLOW_32), ideal_rate(SLOW_500)) == (1600, 25000)
