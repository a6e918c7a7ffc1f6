"""`--connect-to`: another address is dialled, and nothing else changes."""

from collections.abc import Sequence

from replayd.model.plan import ConnectTo, Target


def apply(target: Target, rules: Sequence[ConnectTo]) -> Target:
    """Returns the target with the address of the first rule that matches it."""
    for rule in rules:
        if rule.matches(target.scheme, target.host, target.port):
            return target._replace(dial_host=rule.dial_host, dial_port=rule.dial_port)
    return target
