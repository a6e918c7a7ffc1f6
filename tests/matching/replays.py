"""Events of a replay, for the tests of filters."""

from flowreplay.v1 import event_pb2, flow_pb2, plan_pb2

HEAD = b"POST /login?a=1 HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/x-login\r\n\r\n"
URL = b"http://shop.test/login?a=1"


def asked(*, websocket: bool = False, replay_id: str = "b.0") -> event_pb2.Event:
    """It is about to be sent."""
    plan = plan_pb2.Plan(
        method=b"POST",
        url=URL,
        head=HEAD,
        target=plan_pb2.Target(scheme="http", host="10.0.0.1", port=80),
        websocket=plan_pb2.WebSocketPlan(client_message_count=1) if websocket else None,
    )
    request = event_pb2.RequestEvent(plan=plan, content=b"user=joe")
    return event_pb2.Event(replay_id=replay_id, request=request)


def answered(status: int = 500, *, said: bytes = b"") -> event_pb2.Event:
    """A response came."""
    head = event_pb2.ResponseHead(
        status_code=status, headers=[flow_pb2.Header(name=b"Content-Type", value=b"text/x-answer")]
    )
    response = event_pb2.ResponseEvent(method=b"POST", url=URL, head=head, content=b"oops")
    if said:
        response.websocket.messages.add(from_client=False, content=said)
    return event_pb2.Event(replay_id="b.0", response=response)


def failed() -> event_pb2.Event:
    """None came."""
    error = event_pb2.ErrorEvent(method=b"POST", url=URL, message="reset")
    return event_pb2.Event(replay_id="b.0", error=error)


def noted(replay_id: str = "b.0") -> event_pb2.Event:
    """Something is worth a note."""
    return event_pb2.Event(replay_id=replay_id, log=event_pb2.LogEvent(message="again"))
