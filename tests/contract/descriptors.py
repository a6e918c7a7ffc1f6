"""The contract's descriptors, as the generated code carries them."""

import importlib
import pkgutil
from collections.abc import Iterator

import flowreplay.v1
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)

PACKAGE = "flowreplay.v1"


def files() -> list[FileDescriptor]:
    """Every .proto file of the package, by its generated module."""
    modules = [m.name for m in pkgutil.iter_modules(flowreplay.v1.__path__)]
    names = sorted(name for name in modules if name.endswith("_pb2"))
    return [importlib.import_module(f"{PACKAGE}.{name}").DESCRIPTOR for name in names]


def messages() -> Iterator[Descriptor]:
    """Every message, nested ones too, but for map entries."""
    waiting = [message for file in files() for message in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop()
        waiting += message.nested_types
        if not message.GetOptions().map_entry:
            yield message


def enums() -> Iterator[EnumDescriptor]:
    """Every enum."""
    for file in files():
        yield from file.enum_types_by_name.values()
    for message in messages():
        yield from message.enum_types


def services() -> list[ServiceDescriptor]:
    """Every service."""
    return [service for file in files() for service in file.services_by_name.values()]


def methods() -> list[MethodDescriptor]:
    """Every method of every service."""
    return [method for service in services() for method in service.methods]
