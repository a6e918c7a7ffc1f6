"""Every element of the contract is explained; it is a client author's only manual."""

import subprocess

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.contract.descriptors import files, methods
from tests.support.programs import ROOT, find

KINDS = {4: "message_type", 5: "enum_type", 6: "service"}
"""FileDescriptorProto's fields that hold elements."""
MEMBERS = {
    "message_type": {2: "field", 8: "oneof_decl", 3: "nested_type", 4: "enum_type"},
    "nested_type": {2: "field", 8: "oneof_decl"},
    "enum_type": {2: "value"},
    "service": {2: "method"},
}


@pytest.fixture(scope="module")
def described() -> list[FileDescriptorProto]:
    """The contract's files with their comments."""
    command = [find("buf"), "build", "--as-file-descriptor-set", "-o", "-"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    found = FileDescriptorSet.FromString(built.stdout).file
    own = {file.name for file in files()}
    return [file for file in found if file.name in own]


def comments(file: FileDescriptorProto) -> dict[str, str]:
    """Each element's dotted name with its leading comment."""
    notes = {tuple(x.path): x.leading_comments for x in file.source_code_info.location}
    found: dict[str, str] = {}

    def visit(kinds: dict[int, str], element: object, path: tuple[int, ...], name: str) -> None:
        for number, kind in kinds.items():
            for index, part in enumerate(getattr(element, kind)):
                here, label = (*path, number, index), f"{name}.{part.name}"
                # A proto3 `optional` has a oneof that only the compiler sees.
                if not part.name.startswith("_"):
                    found[label] = " ".join(notes.get(here, "").split())
                visit(MEMBERS.get(kind, {}), part, here, label)

    visit(KINDS, file, (), file.package)
    return found


def test_every_element_has_a_sentence(described: list[FileDescriptorProto]) -> None:
    assert len(described) == len(files())
    for file in described:
        found = comments(file)
        assert found
        silent = [name for name, text in found.items() if not text]
        assert not silent
        for name, text in found.items():
            assert text[0].isupper() or text[0] == "`", f"{name}: {text}"
            assert text.endswith((".", ":")), f"{name}: {text}"


def test_every_call_lists_its_errors(described: list[FileDescriptorProto]) -> None:
    found = {name: text for file in described for name, text in comments(file).items()}
    for method in methods():
        assert "Errors: " in found[method.full_name], method.full_name


def test_reasons_in_comments_exist(described: list[FileDescriptorProto]) -> None:
    found = {name: text for file in described for name, text in comments(file).items()}
    reasons = {name.rsplit("REASON_", 1)[1] for name in found if "REASON_" in name}
    for method in methods():
        listed = found[method.full_name].split("Errors: ")[1].split("`")[1::2]
        assert set(listed) <= reasons, method.full_name
