"""The server that is replayed against: one epoll loop, one prepared answer of 1 KiB.

    python -m benchmarks.target        prints its port, serves until its stdin ends

It reads requests only as far as it must to tell where one ends, so that it costs far
less than what is measured.
"""

import select
import socket
import sys

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n" + b"x" * 1024
)
_LENGTH = b"Content-Length: "


def request_size(data: bytes) -> int:
    """Returns the size of the first request in `data`, 0 while it is not whole."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return 0
    start = data.find(_LENGTH, 0, head)
    length = int(data[start + len(_LENGTH) : data.index(b"\r", start)]) if start >= 0 else 0
    size = head + 4 + length
    return size if len(data) >= size else 0


def main() -> None:
    """Serves until stdin ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    poll.register(sys.stdin, select.EPOLLIN)
    peers: dict[int, tuple[socket.socket, bytearray]] = {}
    while True:
        for number, _ in poll.poll():
            if number == sys.stdin.fileno():
                return
            if number == listener.fileno():
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[peer.fileno()] = peer, bytearray()
                poll.register(peer, select.EPOLLIN)
            elif not serve(*peers[number]):
                peers.pop(number)[0].close()


def serve(peer: socket.socket, buffer: bytearray) -> bool:
    """Answers what has come on a connection; False: it is closed."""
    try:
        data = peer.recv(65536)
    except ConnectionError:
        return False
    buffer += data
    while size := request_size(bytes(buffer)):
        del buffer[:size]
        peer.sendall(ANSWER)
    return bool(data)


if __name__ == "__main__":
    main()
