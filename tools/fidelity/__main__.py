"""`make fidelity`: how true captures are replayed, byte for byte.

    python -m tools.fidelity [CAPTURES] [--json] [--verbose] [--no-mitmproxy]

Replays every capture in a folder through a real daemon against a byte recorder and counts
which requests arrived as they were captured, which with an allowed change (see
docs/fidelity.md), and which with anything else. Where node is found, HTTP/2 and HTTP/3
flows are replayed once more, against its HTTP/2 server; WebSockets, against one that plays
the captured server's part. Where mitmdump is found, its client replay is judged beside it, on
the dumps and HAR files. Ends with 1 when replayd did anything else.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc

from tests.support.certificates import Authority
from tests.support.programs import ROOT
from tools.fidelity import report
from tools.fidelity.captures import HAR, MITMPROXY, find, flows_of, kind_of
from tools.fidelity.ours import Lab
from tools.fidelity.score import (
    Score,
    leaves_as_http2,
    score_http2,
    score_ours,
    score_theirs,
    score_websockets,
)
from tools.fidelity.theirs import Mitmproxy, find_mitmdump
from tools.fidelity.websocket import conversations

CAPTURES = ROOT / "tests" / "data" / "captures"


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="fidelity", description="Replays captures and compares.")
    parser.add_argument("captures", nargs="?", type=Path, default=CAPTURES, metavar="CAPTURES")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--verbose", action="store_true", help="say what differs, and where")
    parser.add_argument("--no-mitmproxy", action="store_true", help="replay with replayd alone")
    return parser.parse_args()


def main() -> int:
    """Runs the command; returns the exit code."""
    options = arguments()
    paths = find(options.captures) if options.captures.exists() else []
    if not paths:
        print(f"fidelity: there are no captures in {options.captures}", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fidelity-"))
        authority = Authority(Path(folder))
        node = shutil.which("node")
        lab = stack.enter_context(Lab(authority, Path(node) if node else None))
        mitmdump = None if options.no_mitmproxy else find_mitmdump()
        mitmproxy = None
        if mitmdump is not None:
            mitmproxy = stack.enter_context(Mitmproxy(mitmdump, authority))
        scores = list(replay_all(options.captures, paths, lab, mitmproxy))
        version = mitmproxy.version if mitmproxy else ""
    if options.json:
        print(json.dumps(report.as_json(scores, version), indent=1))
    else:
        print("\n".join(report.text(scores, version, verbose=options.verbose)))
        if not (version or options.no_mitmproxy):
            print("\nmitmdump is not here to compare with; `make servers` installs it")
        if node is None:
            print("\nnode is not here to speak HTTP/2 with; apt-get install nodejs")
    sides = [side for score in scores for side in (score.ours, score.http2, score.websockets)]
    return int(any(side.other for side in sides if side))


def replay_all(
    place: Path, paths: list[Path], lab: Lab, mitmproxy: Mitmproxy | None
) -> Iterator[Score]:
    """Replays captures one after the other, showing on a terminal which one it is at."""
    for path in paths:
        name = str(path.relative_to(place)) if place.is_dir() else path.name
        if sys.stderr.isatty():
            print(f"\r\033[K{name}", end="", file=sys.stderr, flush=True)
        yield replay(name, path, lab, mitmproxy)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def replay(name: str, path: Path, lab: Lab, mitmproxy: Mitmproxy | None) -> Score:
    """Replays a capture with replayd, and what replayd accepted of it with mitmproxy."""
    data = path.read_bytes()
    flows = flows_of(data)
    score = Score(name, kind_of(path, data), flows=len(flows))
    try:
        replayed = lab.replay(data)
    except grpc.RpcError as error:
        score.error = error.details() or error.code().name
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            score.ours.wrong(-1, score.error)
        return score
    score_ours(score, flows, replayed)
    if lab.http2 and any(leaves_as_http2(flows[index]) for index in replayed.named):
        score.http2 = score_http2(flows, replayed.named, lab.replay_http2(data))
    said = conversations(flows, replayed.named)
    if said:
        score.websockets = score_websockets(said, *lab.replay_websockets(data, said))
    if mitmproxy and score.kind in (MITMPROXY, HAR):
        run = mitmproxy.replay(path)
        score.theirs, score.theirs_error = score_theirs(flows, replayed.named, run), run.error
    return score


if __name__ == "__main__":
    sys.exit(main())
