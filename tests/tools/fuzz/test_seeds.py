"""What inputs are made from: of every format and version, and short."""

from tools.fuzz import seeds


def test_flows_of_every_version() -> None:
    versions = {
        str(flow["version"])
        for flow in seeds.flows()
        if isinstance(flow, dict) and "version" in flow
    }
    assert {"[0, 11, 3]", "[0, 18, 2]", "[2, 0, 2]", "7", "8", "14", "18", "21"} <= versions
    assert len(seeds.flows()) < 100


def test_every_format_has_its_seeds() -> None:
    assert len(seeds.entries()) > 50
    assert len(seeds.goreplay()) > 15
    assert len(seeds.items()) > 10
    assert len(seeds.archives()) > 3
    assert len(seeds.requests()) > 5
    assert len(seeds.commands()) > 30
