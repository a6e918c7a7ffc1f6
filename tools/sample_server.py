"""A small HTTP server to replay against; the demo and README's tour use it.

    python tools/sample_server.py [PORT]

Listens on 127.0.0.1 (port 8080 unless said otherwise, 0 picks one) and prints
`listening on ADDR`. It answers what the capture rec-basic.mitm asks for, nearly as the
captured server did: `/status/500` works here, so that a replay has something to show. Who was at
`/login` may see `/account`.
"""

import contextlib
import hashlib
import json
import secrets
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fields = dict[str, str]
ETAG = '"v1"'
LOGGED_IN: set[tuple[str | None, str | None]] = set()
"""What those show who have logged in: credentials and cookies."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    server_version = "sample"
    sys_version = ""
    wbufsize = -1
    """Head and body leave together, when the answer is done."""

    def answer(self) -> None:
        """Reads the content and writes what `route` says."""
        content = self.read_content()
        status, fields, body = self.route(content)
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def route(self, content: bytes) -> tuple[int, Fields, bytes]:
        """What to answer: status, fields, body."""
        path = self.path.partition("?")[0]
        match path.strip("/").split("/"):
            case ["json"]:
                return 200, {"Content-Type": "application/json"}, b'{"answer": 42}\n'
            case ["status", "500"]:
                return 200, {}, b"mended since the capture\n"
            case ["status", code] if code.isdigit() and 200 <= int(code) <= 599:
                return int(code), {}, f"as asked: {code}\n".encode()
            case ["redirect", count] if count.isdigit():
                further = f"/redirect/{int(count) - 1}" if int(count) > 1 else "/json"
                return 302 if int(count) % 2 else 307, {"Location": further}, b""
            case ["etag"]:
                known = self.headers.get("If-None-Match") == ETAG
                return 304 if known else 200, {"ETag": ETAG}, b"" if known else b"tagged\n"
            case ["auth"] if "Authorization" not in self.headers:
                return 401, {"WWW-Authenticate": "Basic"}, b"who are you?\n"
            case ["login"]:
                token, cookie = secrets.token_urlsafe(), secrets.token_urlsafe()
                LOGGED_IN.add((f"Bearer {token}", f"sid={cookie}"))
                fields = {"Content-Type": "application/json", "Set-Cookie": f"sid={cookie}; Path=/"}
                return 200, fields, json.dumps({"token": token}).encode() + b"\n"
            case ["account"]:
                shown = (self.headers.get("Authorization"), self.headers.get("Cookie"))
                return (200, {}, b"hello\n") if shown in LOGGED_IN else (401, {}, b"who are you?\n")
            case ["set-cookies"]:
                return 200, {"Set-Cookie": "sample=1; Path=/"}, b"have a cookie\n"
        said = {
            "method": self.command,
            "path": self.path,
            "content_bytes": len(content),
            "content_sha256": hashlib.sha256(content).hexdigest(),
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(said).encode() + b"\n"

    def read_content(self) -> bytes:
        """The request's content, whichever way it is framed."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            content = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return content
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Answers every method: the base class looks for `do_` and its name."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Keeps quiet: the replays' events tell more."""


class Server(ThreadingHTTPServer):
    """A thread a connection; waits for none of them at its end."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def main() -> None:
    """Serves until it is interrupted."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    with Server(("127.0.0.1", port), Handler) as server:
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
