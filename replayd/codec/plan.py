"""Plans: model <-> `flowreplay.v1.Plan`."""

from flowreplay.v1 import plan_pb2

from replayd.model.plan import Change, ChangeKind, Framing, Plan, Target


def encode_plan(plan: Plan) -> bytes:
    """Encodes a plan."""
    target = plan.target
    return plan_pb2.Plan(
        method=plan.method,
        url=plan.url,
        target=plan_pb2.Target(
            scheme=target.scheme,
            host=target.host,
            port=target.port,
            server_name=target.server_name,
            dial_host=target.dial_host,
            dial_port=target.dial_port,
        ),
        head=plan.head,
        framing=plan_pb2.Framing.ValueType(plan.framing.value),
        content_size_bytes=plan.content_size,
        trailer_section=plan.trailer_section,
        changes=[
            plan_pb2.Change(
                kind=plan_pb2.ChangeKind.ValueType(change.kind.value),
                description=change.description,
            )
            for change in plan.changes
        ],
        idempotent=plan.idempotent,
        expect_continue=plan.expect_continue,
        flow_index=plan.flow_index,
        flow_id=plan.flow_id,
        recorded_status_code=plan.recorded_status_code,
        proxy_authorization=plan.proxy_authorization,
    ).SerializeToString()


def decode_plan(data: bytes) -> Plan:
    """Decodes what `encode_plan` made."""
    message = plan_pb2.Plan.FromString(data)
    target = message.target
    return Plan(
        method=message.method,
        url=message.url,
        target=Target(
            scheme=target.scheme,
            host=target.host,
            port=target.port,
            server_name=target.server_name,
            dial_host=target.dial_host,
            dial_port=target.dial_port,
        ),
        head=message.head,
        framing=Framing(message.framing),
        content_size=message.content_size_bytes,
        trailer_section=message.trailer_section,
        changes=tuple(
            Change(ChangeKind(change.kind), change.description) for change in message.changes
        ),
        idempotent=message.idempotent,
        expect_continue=message.expect_continue,
        flow_index=message.flow_index,
        flow_id=message.flow_id,
        recorded_status_code=message.recorded_status_code,
        proxy_authorization=message.proxy_authorization,
    )
