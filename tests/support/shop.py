"""A shop that one has to log in to: every instance gives other cookies, tokens and numbers, and
answers 401 to those of another one. `shop_session` is a browser's visit of it, captured.
"""

import hashlib
import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from flowreplay.v1 import flow_pb2

from tests.support.processes import DEADLINE

SOURCES = (
    'regex:name="csrf" value="([^"]+)"',
    "json:$.token",
    "json:$.user.id",
    "json:$.orders[*].id",
    "header:X-Next:next=([^;]+)",
)
"""Where its answers have what later requests need."""


class Shop:
    """Listens on 127.0.0.1, a thread a connection."""

    def __init__(self, seed: str) -> None:
        self.seen: list[tuple[str, str]] = []
        """Method and target of each request, as they came."""
        self.held = threading.Event()
        """A request is held."""
        self.hold = ""
        """The beginning of a path whose first request waits until `release`."""
        self.release = threading.Event()
        self.tokens: list[str] = []
        self._seed = seed
        self._made = 0
        self._given: set[str] = set()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                shop.answer(self, b"")

            def do_POST(self) -> None:
                shop.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def answer(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        """Answers a request by its rules."""
        self.seen.append((to.command, to.path))
        parts = urlsplit(to.path)
        if self.hold and parts.path.startswith(self.hold):
            self.hold = ""
            self.held.set()
            self.release.wait(DEADLINE)
        headers: list[tuple[str, str]] = []
        try:
            status, said = 200, self._page(to, parts.path, parse_qs(parts.query), content, headers)
        except KeyError:
            status, said = 401, b"who are you?"
        to.send_response(status)
        for name, value in headers:
            to.send_header(name, value)
        to.send_header("Content-Length", str(len(said)))
        to.end_headers()
        to.wfile.write(said)

    def _page(
        self,
        to: BaseHTTPRequestHandler,
        path: str,
        query: dict[str, list[str]],
        content: bytes,
        headers: list[tuple[str, str]],
    ) -> bytes:
        cookies = {name: each.value for name, each in SimpleCookie(to.headers["Cookie"]).items()}
        if path == "/login" and to.command == "GET":
            headers.append(("Set-Cookie", f"visit={self._new()}; HttpOnly"))
            return f'<form><input name="csrf" value="{self._new()}"></form>'.encode()
        self._need(cookies.get("visit"))
        if path == "/login":
            form = parse_qs(content.decode())
            self._need(form["csrf"][0])
            headers.append(("Set-Cookie", f"sid={self._new()}; Path=/; Max-Age=3600"))
            headers.append(("Set-Cookie", "visited=yes; Path=/"))
            return self._token(id=self._number())
        self._need(cookies.get("sid"))
        self._need((to.headers["Authorization"] or "").removeprefix("Bearer "))
        if path == "/refresh":
            self._given.discard(json.loads(content)["refresh_token"])
            return self._token()
        if path.startswith("/users/"):
            self._need(path.split("/")[2])
            orders = [self._number(), self._number()]
            headers.append(("X-Next", f"next={self._new()}; last"))
            return json.dumps({"orders": [{"id": number} for number in orders]}).encode()
        if path == "/orders":
            order = json.loads(content)
            self._need(order["next"])
            self._need(str(order["order"]))
            return b"{}"
        self._need(query["token"][0])
        return b"bye"

    def _token(self, **user: int) -> bytes:
        self.tokens.append(self._new())
        return json.dumps({"token": self.tokens[-1], "user": user}).encode()

    def _new(self) -> str:
        """Makes a value with characters that URLs and forms encode."""
        self._made += 1
        digest = hashlib.sha256(f"{self._seed}{self._made}".encode()).digest()
        self._given.add(value := b64encode(digest + b"\xfb\xff").decode())
        return value

    def _number(self) -> int:
        self._made += 1
        number = 100_000 + int(
            hashlib.sha256(f"{self._seed}{self._made}".encode()).hexdigest()[:6], 16
        )
        self._given.add(str(number))
        return number

    def _need(self, value: str | None) -> None:
        if value not in self._given:
            raise KeyError(value)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE)


def shop_session(port: int) -> list[flow_pb2.Flow]:
    """Visits the shop as a browser does, on two connections; returns what was captured."""
    browser = _Browser(port)
    page = browser.ask("GET", "/login")
    found = re.search(rb'value="([^"]+)"', page)
    assert found
    form = urlencode({"csrf": found[1].decode(), "user": "me"})
    login = json.loads(browser.ask("POST", "/login", form, "application/x-www-form-urlencoded"))
    token, user = login["token"], login["user"]["id"]
    browser.headers["Authorization"] = f"Bearer {token}"
    listed = json.loads(browser.ask("GET", f"/users/{user}/orders", connection="b"))
    following = browser.answers[-1].getheader("X-Next", "").partition("=")[2].partition(";")[0]
    refreshed = json.loads(browser.ask("POST", "/refresh", json.dumps({"refresh_token": token})))[
        "token"
    ]
    browser.headers["Authorization"] = f"Bearer {refreshed}"
    order = {"order": listed["orders"][1]["id"], "next": following}
    browser.ask("POST", "/orders", json.dumps(order), connection="b")
    browser.ask("GET", f"/logout?token={quote(refreshed, safe='')}")
    assert [answer.status for answer in browser.answers] == [200] * 6
    return browser.flows


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that are killed are no news."""


class _Browser:
    """Asks, and captures what was said."""

    def __init__(self, port: int) -> None:
        self.headers: dict[str, str] = {}
        self.flows: list[flow_pb2.Flow] = []
        self.answers: list[Any] = []
        self._port = port
        self._cookies: dict[str, str] = {}

    def ask(
        self,
        method: str,
        path: str,
        content: str = "",
        kind: str = "application/json",
        connection: str = "a",
    ) -> bytes:
        """Sends a request and keeps its cookies; returns the answer's content."""
        headers = {"Host": f"127.0.0.1:{self._port}", "X-Odd-CASE": " as captured", **self.headers}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={v}" for name, v in self._cookies.items())
        if content:
            headers |= {"Content-Type": kind, "Content-Length": str(len(content))}
        there = HTTPConnection("127.0.0.1", self._port, timeout=DEADLINE)
        there.request(method, path, content or None, headers)
        answer = there.getresponse()
        said = answer.read()
        there.close()
        for value in answer.headers.get_all("Set-Cookie", ()):
            name, _, rest = value.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        self.answers.append(answer)
        self.flows.append(
            flow_pb2.Flow(
                session_id=connection,
                request=flow_pb2.Request(
                    method=method.encode(),
                    scheme=b"http",
                    host="127.0.0.1",
                    port=self._port,
                    path=path.encode(),
                    headers=_fields(headers.items()),
                    content=content.encode(),
                ),
                response=flow_pb2.Response(
                    status_code=answer.status,
                    headers=_fields(answer.getheaders()),
                    content=said,
                ),
            )
        )
        return said


def _fields(headers: Any) -> Iterator[flow_pb2.Header]:
    return (flow_pb2.Header(name=n.encode(), value=v.encode()) for n, v in headers)
