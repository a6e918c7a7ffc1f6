"""curl command lines to flows: copied from a browser, from a shell's history, from a script.

`shell` takes the text apart into commands and words (`escapes`: what backslashes mean),
`options` takes curl's words apart, `asked` says what they ask for (`form`: the parts of
a form), `request` makes the requests that curl sends for that (`url`: where to), `reader`
is the way in.

Nothing is run, and no file or variable is looked up: a request that can't be told without
them is refused, with a note that says what is missing.
"""

from replayd.formats.curl.reader import begins_curl, read_curl

__all__ = ["begins_curl", "read_curl"]
