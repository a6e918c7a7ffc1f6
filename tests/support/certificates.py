"""A certificate authority of the tests' own."""

import ssl
from pathlib import Path
from typing import Any

import trustme


class Authority:
    """Signs certificates; `ca_file` is what a client trusts."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """What a TLS server with a certificate for `names` needs."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def files(self, *names: str, **attributes: Any) -> tuple[Path, Path]:
        """A certificate for `names`, with `trustme`'s attributes, and its key, as PEM files."""
        issued = self._ca.issue_cert(*names, **attributes)
        chain, key = self._folder / f"{names[0]}.pem", self._folder / f"{names[0]}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        key.chmod(0o600)
        return chain, key
