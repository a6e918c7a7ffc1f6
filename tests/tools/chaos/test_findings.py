"""All findings are counted; the first of each kind keep their words."""

import pytest

from tools.chaos.findings import SHOWN, Findings


def test_findings_are_counted() -> None:
    findings = Findings()
    for number in range(SHOWN + 2):
        findings.add("lost", str(number))
    assert findings.counts == {"lost": SHOWN + 2}
    assert findings.words == [f"lost: {number}" for number in range(SHOWN)]


def test_a_kind_has_to_be_known() -> None:
    with pytest.raises(ValueError, match="unheard"):
        Findings().add("unheard", "")
