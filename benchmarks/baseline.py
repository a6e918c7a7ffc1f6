"""The baseline that is always there: bare Python sockets, sending and receiving only.

    python -m benchmarks.baseline URL COUNT [--connections N] [--content N] [--ca-file FILE]

One connection is a blocking loop, more are one epoll loop; both keep connections, send
prepared bytes, and count what comes instead of reading it. Prints the seconds it took. No
client that looks at its answers can be faster in Python; replayd plans, records and
publishes each one.
"""

import argparse
import select
import socket
import ssl
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from benchmarks.workloads import Workload

_READ = 1 << 18
_LENGTH = b"Content-Length: "


def answer_size(connection: socket.socket, request: bytes) -> int:
    """Sends one request; returns the size of its answer, head and content."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(connection)
    start = answer.index(_LENGTH) + len(_LENGTH)
    size = answer.index(b"\r\n\r\n") + 4 + int(answer[start : answer.index(b"\r", start)])
    left = size - len(answer)
    while left > 0:
        left -= len(_some(connection))
    return size


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(_READ)
    if not data:
        raise SystemExit("the server closed a connection that was to be kept")
    return data


def blocking_loop(connection: socket.socket, request: bytes, count: int) -> float:
    """Sends `count` requests one after the other; returns the seconds."""
    size, buffer = answer_size(connection, request), memoryview(bytearray(_READ))
    start = time.perf_counter()
    for _ in range(count):
        connection.sendall(request)
        left = size
        while left > 0:
            got = connection.recv_into(buffer)
            if not got:
                raise SystemExit("the server closed a connection that was to be kept")
            left -= got
    return time.perf_counter() - start


def epoll_loop(connections: Sequence[socket.socket], request: bytes, count: int) -> float:
    """Sends `count` requests, one at a time on each connection; returns the seconds."""
    size = answer_size(connections[0], request)
    by_number = {each.fileno(): each for each in connections}
    left = dict.fromkeys(by_number, size)
    with select.epoll() as poll:
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        start = time.perf_counter()
        for connection in connections:
            connection.sendall(request)
        sent = len(connections)
        while left:
            for number, _ in poll.poll():
                left[number] -= len(_some(by_number[number]))
                if left[number] > 0:
                    continue
                if sent == count:
                    del left[number]
                    continue
                sent += 1
                by_number[number].sendall(request)
                left[number] = size
        return time.perf_counter() - start


def opened(host: str, port: int, ca_file: str) -> socket.socket:
    """Opens a connection, with TLS where there is something to trust."""
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not ca_file:
        return connection
    context = ssl.create_default_context(cafile=ca_file)
    return context.wrap_socket(connection, server_hostname=host)


def main() -> None:
    """Sends the requests and prints the seconds."""
    parser = argparse.ArgumentParser(description="A bare client: bytes out, bytes in.")
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--content", type=int, default=0, help="bytes to post; 0: GET")
    parser.add_argument("--ca-file", default="", help="what to trust: the URL is https")
    arguments = parser.parse_args()
    url = urlsplit(arguments.url)
    assert url.hostname is not None
    assert url.port is not None
    workload = Workload(
        "", arguments.connections, url.path.split("/")[1], b"y" * arguments.content
    )  # fmt: skip
    request = workload.request(url.port, 0)
    connections = [
        opened(url.hostname, url.port, arguments.ca_file) for _ in range(arguments.connections)
    ]
    if arguments.connections == 1:
        print(blocking_loop(connections[0], request, arguments.count))
    else:
        print(epoll_loop(connections, request, arguments.count))


if __name__ == "__main__":
    main()
