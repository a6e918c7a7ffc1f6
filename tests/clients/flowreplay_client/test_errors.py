import contextlib
import socket
import threading
import traceback
from collections.abc import Callable

import grpc
import pytest
from flowreplay_client import Client, EventsCompacted, ReplaydClientError, Unreachable, connect
from flowreplay_client.errors import error_from, late_answer

from tests.support.fake_daemon import COMPACTED, STOPPING, FakeDaemon, Refuse


def error_of(client: Client, fake: FakeDaemon, refusal: Refuse) -> ReplaydClientError:
    fake.answers["Count"] = refusal
    with pytest.raises(ReplaydClientError) as caught:
        client.count()
    return caught.value


def test_reason_message_and_metadata_come_from_the_daemon(client: Client, fake: FakeDaemon) -> None:
    refusal = Refuse(grpc.StatusCode.NOT_FOUND, "BATCH_NOT_FOUND", "no batch x", {"batch": "x"})
    error = error_of(client, fake, refusal)
    assert type(error) is ReplaydClientError
    assert (error.reason, str(error)) == ("BATCH_NOT_FOUND", "no batch x")
    assert (error.metadata, error.code) == ({"batch": "x"}, grpc.StatusCode.NOT_FOUND)


def test_a_stopping_daemon_is_unreachable_in_its_own_words(
    client: Client, fake: FakeDaemon
) -> None:
    error = error_of(client, fake, STOPPING)
    assert isinstance(error, Unreachable)
    assert (error.reason, error.message) == ("DAEMON_STOPPING", "the daemon is stopping")


def test_compaction_says_what_is_left(client: Client, fake: FakeDaemon) -> None:
    error = error_of(client, fake, COMPACTED)
    assert isinstance(error, EventsCompacted)
    assert (error.oldest_sequence, error.latest_sequence) == (5, 9)


def test_an_error_without_details_has_no_reason(client: Client, fake: FakeDaemon) -> None:
    error = error_of(client, fake, Refuse(grpc.StatusCode.INTERNAL))
    assert (error.reason, error.metadata, error.message) == ("", {}, "the fake says no")


def test_another_server_is_told_apart(client: Client, fake: FakeDaemon) -> None:
    error = error_of(client, fake, Refuse(grpc.StatusCode.UNIMPLEMENTED, message="what?"))
    assert "is it a replayd?" in error.message
    assert fake.address in error.message


def test_no_daemon_says_where_why_and_what_to_do() -> None:
    with connect("unix:/nowhere/at.all") as client, pytest.raises(Unreachable) as caught:
        client.count()
    message = str(caught.value)
    assert "unix:/nowhere/at.all" in message
    assert "No such file" in message
    assert "replayd serve" in message
    assert "last error" not in message


def address_of(listener: socket.socket) -> str:
    return "127.0.0.1:{1}".format(*listener.getsockname())


def message_of(address: str) -> str:
    with connect(address) as client, pytest.raises(Unreachable) as caught:
        client.count()
    return caught.value.message


def test_an_address_where_nothing_listens_is_called_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = address_of(listener)
    assert f"at {address}: nothing listens there (Connection refused); " in message_of(address)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n", b"\x15\3\1\0\2\2\x46", b""],
    ids=["http1", "ssh", "tls alert", "close"],
)
def test_a_server_that_speaks_something_else_is_not_replayd(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            # Until the listener is closed; gRPC may try more than once.
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(1 << 16)
                        connection.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        try:
            said = message_of(address_of(listener))
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
    assert "what listens there is not replayd (or speaks TLS, or wants a certificate); " in said


def test_a_name_that_is_not_known_is_called_that() -> None:
    failure = FailedCall("errors resolving h:1: [field:hostname lookup error:address ...]")
    assert "at h:1: its name is not known; " in error_from(failure, "h:1").message


HANDSHAKE = "Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1: SSL routines:"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (f"{HANDSHAKE}OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: unable to: OK", "not trusted"),
        ("Custom verification check failed: Hostname Verification Check failed.", "another name"),
        (f"{HANDSHAKE}OPENSSL_internal:WRONG_VERSION_NUMBER: Invalid: OK", "speaks no TLS"),
    ],
)
def test_what_is_wrong_with_tls_is_said(why: str, said: str) -> None:
    words = f"failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: {why}"
    cause = error_from(FailedCall(words), "h:1").message.partition("; start it")[0]
    assert cause.startswith("can't reach the daemon at h:1: ")
    assert said in cause


def test_a_connection_that_breaks_keeps_its_words() -> None:
    assert "at h:1: Socket closed; " in error_from(FailedCall("Socket closed"), "h:1").message


def test_the_traceback_is_of_our_error_alone() -> None:
    with connect("unix:/nowhere/at.all") as client:
        calls: list[Callable[[], object]] = [
            client.count,
            client.watch,
            lambda: client.enqueue([]),
            lambda: client.export("b", "har"),
        ]
        for call in calls:
            with pytest.raises(Unreachable) as caught:
                call()
            shown = "".join(traceback.format_exception(caught.value))
            assert "another exception" not in shown
            assert "direct cause" not in shown
            assert "debug_error_string" not in shown


class FailedCall(grpc.RpcError):
    """What gRPC raises when a call could not be made."""

    def __init__(self, details: str) -> None:
        super().__init__()
        self._details = details

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> None:
        return None


def test_a_late_answer_says_so() -> None:
    error = late_answer("h:1")
    assert isinstance(error, Unreachable)
    assert "h:1 did not answer in time" in error.message
