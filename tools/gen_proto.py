"""Generates the Python code of the contract beside its .proto files.

    python tools/gen_proto.py            writes protos/flowreplay/v1/*_pb2*.py[i]
    python tools/gen_proto.py --check    fails if what is committed differs

Runs in the environment of tools/locks/proto.txt; `make proto` sees to that.
"""

import argparse
import filecmp
import os
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"


def generate(out: Path) -> list[Path]:
    """Runs protoc for every .proto file into `out`; returns the files made."""
    # protoc looks for its plugins (protoc-gen-mypy) on PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    arguments = [
        "protoc",
        f"-I{PROTOS}",
        f"-I{well_known}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out={out}",
        f"--mypy_grpc_out={out}",
        *sources,
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed; its messages are above")
    # A file without services gets an empty stub module: noise, so it goes.
    for stub in out.rglob("*_pb2_grpc.py*"):
        if (
            not (PROTOS / stub.relative_to(out))
            .parent.joinpath(stub.name.split("_pb2_grpc")[0] + ".proto")
            .read_text()
            .count("\nservice ")
        ):
            stub.unlink()
    return sorted(out.rglob("*_pb2*.py*"))


def main() -> int:
    """Generates, or compares; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    if not check:
        generate(PROTOS)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        made = {path.relative_to(scratch): path for path in generate(Path(scratch))}
        kept = {
            path.relative_to(PROTOS)
            for path in PROTOS.rglob("*_pb2*.py*")
            if "__pycache__" not in path.parts
        }
        stale = [name for name in made if not filecmp_same(made[name], PROTOS / name)]
        stale += sorted(kept - made.keys())
    for name in stale:
        print(f"protos/{name} is not what the generator makes: run `make proto`", file=sys.stderr)
    return 1 if stale else 0


def filecmp_same(made: Path, kept: Path) -> bool:
    """Tells whether `kept` exists and holds the same bytes as `made`."""
    return kept.exists() and filecmp.cmp(made, kept, shallow=False)


if __name__ == "__main__":
    sys.exit(main())
