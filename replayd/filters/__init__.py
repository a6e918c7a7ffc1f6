"""mitmproxy's filter expressions, such as `~m POST & ~d example.com & !~u /health`.

`expression` reads one, `terms` has what each `~word` asks, `subject` what it asks it of.
Pure: text and flows in, yes or no out.
"""

from replayd.filters.expression import FilterError, compile_filter
from replayd.filters.subject import Subject
from replayd.filters.terms import Matcher

__all__ = ["FilterError", "Matcher", "Subject", "compile_filter"]
