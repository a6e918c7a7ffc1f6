"""Rewrites flows by a batch's rules, in one order, and names what became different.

`modify_headers`, `map_remote` and `modify_body` come in the order in which mitmproxy runs them;
then what every request gets alike. A flow comes out as if it had been captured like that.
"""

from replayd.model.flow import Flow
from replayd.model.plan import Change, ChangeKind
from replayd.rewriting import contents, fields, urls
from replayd.rewriting.rules import Rules, finds


class Rewriter:
    """Does what `rules` ask for; `body_size_limit` is in bytes."""

    def __init__(self, rules: Rules, body_size_limit: int) -> None:
        self._rules = rules
        self._limit = body_size_limit

    def rewrite(self, flow: Flow) -> tuple[Flow, tuple[Change, ...]]:
        """Rewrites a flow with a request and its content; returns it with what was changed.

        Raises Unrewritable when that can't be done.
        """
        made = self._with_fields(self._elsewhere(self._as_mitmproxy(flow), flow))
        changes = _named(flow, made)
        return (made, changes) if changes else (flow, ())

    def _as_mitmproxy(self, flow: Flow) -> Flow:
        rules, request = self._rules, flow.request
        assert request is not None
        if rules.modify_headers:
            found = [rule for rule in rules.modify_headers if finds(rule.matches, flow)]
            flow = flow._replace(request=fields.modify_headers(request, found))
        for url_rule in rules.map_remote:
            flow = urls.map_remote(flow, url_rule)
        for content_rule in rules.modify_body:
            flow = contents.modify_body(flow, content_rule, self._limit)
        return flow

    def _elsewhere(self, flow: Flow, came_from: Flow) -> Flow:
        """Sends a flow to the target, unless it was sent to another place before."""
        target = self._rules.target
        if target is None or _place(flow) != _place(came_from):
            return flow
        return urls.to_target(flow, target)

    def _with_fields(self, flow: Flow) -> Flow:
        rules, request = self._rules, flow.request
        assert request is not None
        if rules.set_query:
            request = urls.set_query(request, rules.set_query)
        if rules.remove_headers:
            request = fields.remove_headers(request, rules.remove_headers)
        if rules.set_headers:
            request = fields.set_headers(request, rules.set_headers)
        if rules.set_cookies:
            request = fields.set_cookies(request, rules.set_cookies)
        if rules.host:
            request = fields.with_host(request, rules.host, anyway=True)
        if rules.server_name and request.scheme == b"https":
            flow = flow._replace(server_name=rules.server_name)
        return flow._replace(request=request)


def _named(before: Flow, after: Flow) -> tuple[Change, ...]:
    old, new = before.request, after.request
    assert old is not None
    assert new is not None
    changes = urls.named_changes(before, after)
    changes += fields.named_changes(old, new)
    changes += contents.named_changes(before, after)
    asked = after.server_name
    if asked and asked != (before.server_name or old.host):
        said = f"TLS asks for {asked}"
        changes.append(Change(ChangeKind.SERVER_NAME_REWRITTEN, said))
    return tuple(changes)


def _place(flow: Flow) -> tuple[bytes, str, int]:
    request = flow.request
    assert request is not None
    return request.scheme, request.host, request.port
