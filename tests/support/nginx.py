"""nginx as a server of tests: TLS, and HTTP/2 where it is asked for."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.processes import DEADLINE, Process
from tests.support.programs import find

NAME = "nginx.test"
"""What its certificate is for."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        return int(reserved.getsockname()[1])


def wait_for_port(process: Process, port: int) -> None:
    """Returns once something listens on the port."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.running:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError(f"nobody listens on {port}: {process.describe()}")


@contextmanager
def run_nginx(
    folder: Path, authority: Authority, locations: str, *, listen: str = "ssl"
) -> Iterator[int]:
    """Runs nginx with TLS for `nginx.test`; its port. `listen`: what it speaks."""
    port = free_port()
    certificate, key = authority.files(NAME)
    configuration = folder / "nginx.conf"
    configuration.write_text(f"""
        daemon off; master_process off; pid {folder}/pid; error_log stderr;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path {folder}; proxy_temp_path {folder};
          fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
          server {{
            listen 127.0.0.1:{port} {listen}; server_name {NAME};
            ssl_certificate {certificate}; ssl_certificate_key {key};
            {locations}
          }}
        }}
    """)
    process = Process([find("nginx"), "-p", folder, "-c", configuration])
    try:
        wait_for_port(process, port)
        yield port
    finally:
        process.close()
