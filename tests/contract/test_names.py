"""Names and shapes in the contract keep the rules that let it grow by adding only."""

import re
from collections import Counter

import pytest
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor, FileDescriptor

from tests.contract.descriptors import PACKAGE, enums, files, messages, methods, services

PREPOSITIONS = {"after", "as", "at", "before", "by", "during", "for", "from", "in", "into"} | {
    "of", "on", "onto", "over", "per", "since", "to", "with", "and", "or"
}  # fmt: skip
ALLOWED_PREPOSITIONS = {
    # The option of curl, and of `replayctl enqueue`, has this name.
    "flowreplay.v1.EnqueueOptions.connect_to",
    # So has this one.
    "flowreplay.v1.EnqueueOptions.on_interrupt",
    # As mitmproxy names it.
    "flowreplay.v1.WebSocketMessage.from_client",
}
UNSIGNED = {
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_FIXED64,
}
FIELDS = sorted(
    (field for message in messages() for field in message.fields), key=lambda f: f.full_name
)


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_files_are_nouns_in_the_package(file: FileDescriptor) -> None:
    assert file.package == PACKAGE
    assert re.fullmatch(r"flowreplay/v1/[a-z]+(_[a-z]+)*\.proto", file.name)
    assert not file.name.endswith("/v1.proto")


@pytest.mark.parametrize("enum", list(enums()), ids=lambda enum: enum.name)
def test_enum_values_carry_the_name_and_begin_unspecified(enum: EnumDescriptor) -> None:
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", enum.name).upper() + "_"
    assert all(value.name.startswith(prefix) for value in enum.values)
    zero = enum.values_by_number[0].name
    assert zero == prefix + "UNSPECIFIED"


def test_state_enums_end_in_state() -> None:
    for enum in enums():
        assert not re.search(r"Status$", enum.name), f"{enum.name}: a state enum ends in State"


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.full_name)
def test_fields_are_plain_nouns_without_unsigned_numbers(field: FieldDescriptor) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field.name)
    words = set(field.name.split("_"))
    if field.full_name not in ALLOWED_PREPOSITIONS:
        assert not words & PREPOSITIONS
    assert not field.name.startswith("is_")
    assert field.type not in UNSIGNED
    assert "Any" not in (field.message_type.name if field.message_type else "")


def test_services_end_in_service() -> None:
    assert services()
    assert all(service.name.endswith("Service") for service in services())


def test_each_call_has_a_request_and_a_response_of_its_own() -> None:
    for method in methods():
        assert method.input_type.full_name == f"{PACKAGE}.{method.name}Request"
        assert method.output_type.full_name == f"{PACKAGE}.{method.name}Response"
    used = Counter(m.full_name for x in methods() for m in (x.input_type, x.output_type))
    assert set(used.values()) == {1}
    inside = {field.message_type.full_name for field in FIELDS if field.message_type}
    assert not inside & used.keys(), "a request or response is also a part of a message"


def test_wire_data_is_bytes() -> None:
    text = {
        field.full_name
        for field in FIELDS
        if field.type == FieldDescriptor.TYPE_STRING
        and field.name in {"name", "value", "path", "method", "content", "data", "reason_phrase"}
    }
    assert not text


def test_each_answer_says_where_in_the_log_it_stands() -> None:
    for method in methods():
        assert "cursor" in method.output_type.fields_by_name, method.name
