"""Requests written down (`.http`, `.rest`) to flows: one of many, or a single one as captured.

Editors send what such files hold: requests between lines of `###`, with comments, variables
and URLs in place of a path. What an editor would do to them is done: variables of the file
are filled in, a Host is made of the URL, and what only means something in the editor is
left out, with a note. A request whose lines end with CR LF and whose target is a path is
taken for one from the wire, and kept byte for byte.

`reader` goes from request to request, `written` makes a flow's request of what an editor
would send.
"""

from replayd.formats.http_requests.reader import begins_requests, read_requests

__all__ = ["begins_requests", "read_requests"]
