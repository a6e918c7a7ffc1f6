"""What is said of mitmproxy is proved by tests that there are."""

import re

from tests.support.programs import ROOT

TABLES = (ROOT / "docs" / "mitmproxy.md").read_text()
ROWS = [line for line in TABLES.splitlines() if line.startswith("| ") and "---" not in line]
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_row_names_its_proof() -> None:
    unproved = [row for row in ROWS if not PROOF.search(row)]
    assert [row.rstrip(" |").endswith("test") for row in unproved] == [True] * 4
    assert len(ROWS) > 20


def test_every_proof_is_there() -> None:
    for path, name in PROOF.findall(TABLES):
        assert f"\ndef {name}(" in (ROOT / path).read_text(), name
