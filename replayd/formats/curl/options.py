"""curl's command line (curl(1)): its words to options with their values.

Knows which options take a value, which change the request, and which change nothing that a
replay has; not what they do to a request.
"""

from collections.abc import Iterator
from typing import NamedTuple

from replayd.formats.curl.shell import Word


def _words(text: str) -> list[str]:
    return text.split()


_LETTERS = _words(
    "# progress-bar 0 http1.0 1 tlsv1 2 sslv2 3 sslv3 4 ipv4 6 ipv6 : next A user-agent "
    "B use-ascii C continue-at D dump-header E cert F form G get H header I head J "
    "remote-header-name K config L location M manual N no-buffer O remote-name P "
    "ftp-port Q quote R remote-time S show-error T upload-file U proxy-user V version X "
    "request Y speed-limit Z parallel a append b cookie c cookie-jar d data e referer f "
    "fail g globoff h help i include j junk-session-cookies k insecure l list-only m "
    "max-time n netrc o output p proxytunnel q disable r range s silent t telnet-option "
    "u user v verbose w write-out x proxy y speed-time z time-cond"
)
_NAMES = dict(zip(_LETTERS[::2], _LETTERS[1::2], strict=True))
"""Long names of the letters."""

_WITH_VALUE = frozenset(
    _words(
        "abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers "
        "config connect-timeout connect-to continue-at cookie cookie-jar "
        "create-file-mode crlfile curves data data-ascii data-binary data-raw "
        "data-urlencode delegation dns-interface dns-ipv4-addr dns-ipv6-addr "
        "dns-servers doh-url dump-header ech egd-file engine etag-compare etag-save "
        "expect100-timeout form form-string ftp-account ftp-alternative-to-user "
        "ftp-method ftp-port ftp-ssl-ccc-mode happy-eyeballs-timeout-ms "
        "haproxy-clientip header help hostpubmd5 hostpubsha256 hsts interface ip-tos "
        "ipfs-gateway json keepalive-cnt keepalive-time key key-type krb libcurl "
        "limit-rate local-port login-options mail-auth mail-from mail-rcpt max-filesize "
        "max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir "
        "parallel-max pass pinnedpubkey preproxy proto proto-default proto-redir proxy "
        "proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers "
        "proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass "
        "proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-tlsauthtype "
        "proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file "
        "range rate referer request request-target resolve retry retry-delay "
        "retry-max-time sasl-authzid service-name socks4 socks4a socks5 "
        "socks5-gssapi-service socks5-hostname speed-limit speed-time stderr "
        "telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype "
        "tlspassword tlsuser trace trace-ascii trace-config unix-socket upload-file url "
        "url-query user user-agent variable vlan-priority write-out"
    )
)

_EFFECTIVE = frozenset(
    _words(
        "anyauth compressed cookie data data-ascii data-binary data-raw data-urlencode digest "
        "form form-string get globoff head header http1.0 http1.1 http2 "
        "http2-prior-knowledge http3 http3-only json negotiate next no-globoff ntlm oauth2-bearer "
        "path-as-is range referer request request-target url url-query user user-agent "
        "config upload-file"
    )
)
"""Options that say what the request is."""

_HARMLESS = frozenset(
    _words(
        "basic connect-timeout cookie-jar create-dirs create-file-mode dump-header "
        "expect100-timeout fail fail-early fail-with-body help include ip-tos ipv4 ipv6 "
        "keepalive-cnt keepalive-time libcurl limit-rate max-filesize max-redirs "
        "max-time no-buffer no-clobber no-keepalive no-progress-meter no-sessionid "
        "output output-dir parallel parallel-immediate parallel-max progress-bar rate "
        "remote-header-name remote-name remote-name-all remote-time remove-on-error "
        "retry retry-all-errors retry-connrefused retry-delay retry-max-time show-error "
        "silent speed-limit speed-time stderr styled-output suppress-connect-headers "
        "tcp-fastopen tcp-nodelay trace trace-ascii trace-config trace-ids trace-time "
        "verbose write-out xattr"
    )
)
"""Options about curl's own output, patience and files: nothing is lost without them."""

_OTHERS = frozenset(_words("ignored insecure location location-trusted"))

_LONG = _WITH_VALUE | _EFFECTIVE | _HARMLESS | _OTHERS | frozenset(_NAMES.values())


class Option(NamedTuple):
    """An option, or a URL (`url`), with its value."""

    name: str
    """Its long name."""
    value: Word

    @property
    def effective(self) -> bool:
        """Whether it says what the request is."""
        return self.name in _EFFECTIVE

    @property
    def harmless(self) -> bool:
        """Whether a replay loses nothing without it."""
        return self.name.removeprefix("no-") in _HARMLESS or self.name in _HARMLESS


class UsageError(Exception):
    """curl would refuse the command line."""


_NOTHING = Word(b"")


def options(words: list[Word]) -> Iterator[Option]:
    """Yields the options of curl's words, the first of which is its name, in their order.

    Raises UsageError.
    """
    rest = iter(words[1:])
    for word in rest:
        text = word.text
        if text == b"--":
            yield from (Option("url", each) for each in rest)
        elif text.startswith(b"--") and not word.unknown:
            name = _long_name(text[2:].decode("latin-1"))
            yield Option(name, _value(rest, name) if name in _WITH_VALUE else _NOTHING)
        elif text.startswith(b"-") and len(text) > 1:
            yield from _letters(word, rest)
        else:
            yield Option("url", word)


def _letters(word: Word, rest: Iterator[Word]) -> Iterator[Option]:
    """Yields the options of a word of letters, such as `-sXPOST`."""
    text = word.text
    for position in range(1, len(text)):
        letter = text[position : position + 1].decode("latin-1")
        name = _NAMES.get(letter, letter)
        if name not in _WITH_VALUE:
            yield Option(name, _NOTHING)
            continue
        value = Word(text[position + 1 :], word.unknown)
        yield Option(name, value if value.text or value.unknown else _value(rest, name))
        return


def _value(rest: Iterator[Word], name: str) -> Word:
    value = next(rest, None)
    if value is None:
        raise UsageError(f"the option {name} has no value")
    return value


def _long_name(said: str) -> str:
    """Returns an option's name, which may be cut as long as only one begins so.

    Raises UsageError.
    """
    if said in _LONG:
        return said
    found = [name for name in _LONG if name.startswith(said)]
    if len(found) > 1:
        raise UsageError(f"the option --{said[:40]} is ambiguous")
    return found[0] if found else said[:40]
