"""HTTPS."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dinrail_server.config import TlsConfig

if TYPE_CHECKING:
    from conftest import Start


@pytest.fixture
def certificate(tmp_path: Path) -> TlsConfig:
    """A self-signed certificate for localhost, its key encrypted."""
    pem, key = tmp_path / "server.pem", tmp_path / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(pem), "-passout", "pass:hush"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return TlsConfig.model_validate({"certificate": pem, "key": key, "key_password": "hush"})


async def test_a_certificate_makes_it_https(start: Start, certificate: TlsConfig) -> None:
    running = await start(host="localhost", tls=certificate)
    assert running.url.startswith("https://localhost:")
    trust = ssl.create_default_context(cafile=str(certificate.certificate))
    async with running.http.get(running.url + "/models", ssl=trust) as answer:
        assert answer.status == 200
    body = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true}'
    headers = {"content-type": "application/json"}
    async with running.http.post(running.url + "/chat/completions", data=body, headers=headers, ssl=trust) as answer:
        assert (await answer.read()).endswith(b"data: [DONE]\n\n")


async def test_without_the_keys_password_the_start_fails(certificate: TlsConfig) -> None:
    from dinrail_core.errors import ConfigurationError
    from dinrail_server.serving import tls_context

    with pytest.raises(ConfigurationError, match=r"^server\.tls: "):
        tls_context(TlsConfig(certificate=certificate.certificate, key=certificate.key))
