"""What of header fields counts when responses are compared. Light: the replay thread needs it."""

FRAMING = frozenset(
    (
        b"connection keep-alive proxy-connection transfer-encoding content-length trailer "
        b"content-encoding"
    ).split()
)
"""Names of fields, in lower case, of the way and not of the answer: contents are compared
themselves, and decoded."""

UNCOUNTED = FRAMING | frozenset(
    (
        # Of who answers, and not of the answer.
        b"server via alt-svc x-powered-by x-aspnet-version x-aspnetmvc-version "
        # Of the moment, and of caches on the way.
        b"date age expires last-modified etag server-timing x-runtime x-response-time x-timer "
        b"x-cache x-cache-hits x-served-by x-varnish cf-cache-status x-envoy-upstream-service-time "
        # Ids of requests and traces.
        b"request-id x-request-id x-requestid x-correlation-id x-trace-id x-transaction-id "
        b"traceparent tracestate b3 x-b3-traceid x-b3-spanid x-b3-parentspanid x-b3-sampled "
        b"x-cloud-trace-context x-datadog-trace-id x-amzn-requestid x-amzn-trace-id "
        b"x-amz-request-id x-amz-id-2 x-amz-cf-id x-amz-cf-pop cf-ray x-github-request-id "
        b"x-ms-request-id x-vcap-request-id x-fastly-request-id x-vercel-id fly-request-id "
        # Of whoever asks too often, and of who wants to hear of trouble.
        b"ratelimit ratelimit-remaining ratelimit-reset x-ratelimit-remaining x-ratelimit-reset "
        b"x-rate-limit-remaining x-rate-limit-reset nel report-to"
    ).split()
)
"""Names of fields, in lower case, whose values are not compared. Of Set-Cookie names and
attributes are."""

_EXPIRES = (b"expires", b"max-age")
"""Attributes of a cookie that go with the moment."""


def cookie_without_value(value: bytes) -> bytes:
    """Returns what is compared of a Set-Cookie: its name and attributes (RFC 6265 section 4.1)."""
    pair, *attributes = value.split(b";")
    kept = sorted(
        attribute.strip().lower()
        for attribute in attributes
        if attribute.partition(b"=")[0].strip().lower() not in _EXPIRES
    )
    return b";".join((pair.partition(b"=")[0].strip(), *kept))
