"""The wire in one hand."""

import pytest

from replayd.errors import ConfigError
from replayd.planning.target_rules import TargetRules
from replayd.wire.client import Wire
from replayd.wire.settings import TlsSettings, WireSettings


def test_settings_that_can_not_be_are_told_at_once() -> None:
    with pytest.raises(ConfigError, match="--ca-file /none/such"):
        Wire(WireSettings(tls=TlsSettings(ca_file="/none/such")), TargetRules(), lambda _: None)


def test_each_exchange_gets_a_reader_of_its_own() -> None:
    wire = Wire(WireSettings(), TargetRules(), lambda _: None)
    assert wire.reader(b"GET") is not wire.reader(b"GET")
    wire.close()
