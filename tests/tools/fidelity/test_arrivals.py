import socket

from tests.support.recorder import Recorded, Recorder
from tools.fidelity.arrivals import arrivals, next_connection, next_request

GET = b"GET / HTTP/1.1\r\n\r\n"


def recorded(raw: bytes, connection: int) -> Recorded:
    return Recorded(raw, raw, b"", connection, None, peer=50_000)


def test_what_arrived_is_found_by_both_ports() -> None:
    with Recorder() as one, Recorder() as two:
        with socket.create_connection(("127.0.0.1", one.port)) as client:
            client.sendall(GET * 2)
            one.wait_for(2)
            peer = client.getsockname()[1]
        waiting = arrivals([one, two])
        assert next_request(waiting, two.port, peer) is None
        assert [next_request(waiting, one.port, peer) for _ in range(3)] == [*one.requests, None]


def test_a_port_that_is_used_again_has_several_connections() -> None:
    with Recorder() as recorder:
        first, second, third = recorded(b"a", 4), recorded(b"b", 4), recorded(b"c", 7)
        recorder.requests += [first, second, third]
        waiting = arrivals([recorder])
        taken = [next_connection(waiting, recorder.port, 50_000) for _ in range(3)]
    assert taken == [[first, second], [third], []]
