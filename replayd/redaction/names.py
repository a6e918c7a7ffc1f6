"""Which names stand before a secret.

A name is judged without regard to case and to what parts its words, so that `api_key`,
`X-Api-Key` and `apiKey` are one. Rather too many than too few: whoever has the role sees all.
"""

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache


class Kind(IntEnum):
    """What a header field's value is to whoever shows it."""

    PLAIN = 0
    SECRET = 1
    CREDENTIALS = 2
    """A scheme, which may be shown, and what it takes (RFC 9110 section 11.4)."""
    COOKIE = 3
    SET_COOKIE = 4
    URL = 5
    """It holds a URL, or parameters as one has them."""
    CONTENT_TYPE = 6
    CONTENT_ENCODING = 7


_FIELDS = {
    b"authorization": Kind.CREDENTIALS,
    b"proxy-authorization": Kind.CREDENTIALS,
    b"cookie": Kind.COOKIE,
    b"cookie2": Kind.COOKIE,
    b"set-cookie": Kind.SET_COOKIE,
    b"set-cookie2": Kind.SET_COOKIE,
    # RFC 9110 section 11.6.3: what a server proves itself with, and the next nonce.
    b"authentication-info": Kind.SECRET,
    b"proxy-authentication-info": Kind.SECRET,
    # Proofs of possession (RFC 9449), and who a proxy says the client is (RFC 9440).
    b"dpop": Kind.SECRET,
    b"client-cert": Kind.SECRET,
    b"x-forwarded-client-cert": Kind.SECRET,
    # Kubernetes and others send a bearer's token among the subprotocols.
    b"sec-websocket-protocol": Kind.URL,
    b"location": Kind.URL,
    b"content-location": Kind.URL,
    b"referer": Kind.URL,
    b"refresh": Kind.URL,
    b"link": Kind.URL,
    b"destination": Kind.URL,
    b"sourcemap": Kind.URL,
    b"x-original-url": Kind.URL,
    b"x-original-uri": Kind.URL,
    b"x-rewrite-url": Kind.URL,
    b"x-forwarded-uri": Kind.URL,
    b":path": Kind.URL,
    b":authority": Kind.URL,
    b"content-type": Kind.CONTENT_TYPE,
    b"content-encoding": Kind.CONTENT_ENCODING,
    # Named like secrets, and none.
    b"accept-signature": Kind.PLAIN,
}

_WORDS = (
    b"token secret passw passphrase apikey accesskey authkey privatekey signingkey "
    b"sharedkey masterkey encryptionkey subscriptionkey functionskey licensekey sessionid "
    b"sessionkey sessid cookie credential signature csrf xsrf jwt assertion authorization "
    b"saml"
).split()
"""A name with one of these in it, without what parts its words."""

_WHOLE = frozenset(
    (b"key sig code auth xauth pass pwd pin otp sid sas session ticket hmac cvv cvc").split()
)
"""Too short to be looked for within a name."""

_HARMLESS_ENDS = (b"tokentype", b"endpoint", b"expiresin", b"expires", b"timeout", b"count")
"""What is told about a secret, such as `token_type`, is none."""

NUMBERS = (b"passw", b"pin", b"otp", b"secret", b"cvv", b"cvc", b"pwd")
"""Names in which also a number is a secret; others have numbers that count tokens."""

REQUEST_TRIGGERS = tuple(
    (
        b"token secret pass key sess sid sas credential sig csrf xsrf jwt assert auth otp "
        b"pin pwd code cookie saml ticket hmac cvv cvc"
    ).split()
)
"""What a content without any of these holds no such name."""

RESPONSE_TRIGGERS = (b"token", b"secret", b"passw", b"key", b"session")
"""The same of what servers tell, where the replay thread has to look: each word costs it as
much as all header fields together. A `code` of theirs is seldom one that opens anything."""

_PARTS = re.compile(rb"%[0-9a-f]{2}|[^a-z0-9]")
_REMEMBERED, _REMEMBERED_BYTES = 4096, 64
"""How many names are remembered, and the bytes of one."""
_REMEMBERED_FIELDS = 64
"""Of how many sets of fields: a server sends the same ones again and again."""


class Names:
    """The names that are looked for: those above, and what the operator adds."""

    def __init__(self, headers: Iterable[str] = (), parameters: Iterable[str] = ()) -> None:
        self._headers = frozenset(name.strip().lower().encode() for name in headers)
        self._parameters = frozenset(plain(name.encode()) for name in parameters)
        added = tuple(name.strip().lower().encode() for name in parameters)
        self.request_triggers = REQUEST_TRIGGERS + added
        self.response_triggers = RESPONSE_TRIGGERS + added
        self._kinds: dict[bytes, int] = {}
        """Of the header fields seen so far."""
        self.telling = lru_cache(maxsize=_REMEMBERED_FIELDS)(self._telling)
        """Tells which of a message's fields, by their names, are not PLAIN, and what these are."""
        self._secret: dict[bytes, bool] = {}

    def kind(self, name: bytes) -> int:
        """Tells what `Kind` the value of a header field of this name, as captured, is."""
        kind = self._kinds.get(name)
        if kind is None:
            # An int: members of enums are slow to look up and to compare.
            kind = int(self._kind(name.strip().lower()))
            if len(name) <= _REMEMBERED_BYTES:
                if len(self._kinds) >= _REMEMBERED:
                    self._kinds.clear()
                self._kinds[name] = kind
        return kind

    def _telling(self, names: tuple[bytes, ...]) -> Sequence[tuple[int, int]]:
        kinds = map(self.kind, names)
        return [(at, kind) for at, kind in enumerate(kinds) if kind != Kind.PLAIN]

    def is_secret(self, name: bytes) -> bool:
        """Tells whether a parameter, key or element of this name holds a secret."""
        known = self._secret.get(name)
        if known is None:
            known = self._judge(plain(name))
            if len(name) <= _REMEMBERED_BYTES:
                if len(self._secret) >= _REMEMBERED:
                    self._secret.clear()
                self._secret[name] = known
        return known

    def _kind(self, name: bytes) -> Kind:
        if name in self._headers:
            return Kind.SECRET
        known = _FIELDS.get(name)
        if known is not None:
            return known
        return Kind.SECRET if self._judge(plain(name)) else Kind.PLAIN

    def _judge(self, name: bytes) -> bool:
        if name in self._parameters:
            return True
        if name.endswith(_HARMLESS_ENDS):
            return False
        return name in _WHOLE or any(word in name for word in _WORDS)


def plain(name: bytes) -> bytes:
    """Returns the letters and digits of a name."""
    return _PARTS.sub(b"", name.lower())
