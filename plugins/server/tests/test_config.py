"""``[server]``."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from dinrail_core.errors import ConfigurationError
from dinrail_server.admission import check_guarded
from dinrail_server.config import ServerConfig, TlsConfig, is_loopback
from dinrail_server.serving import bind, tls_context, url_of

if TYPE_CHECKING:
    from conftest import Doorman


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST."])
def test_these_are_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "example.com", "localhost.example.com", "fe80::1%x"])
def test_these_can_be_reached_from_elsewhere(host: str) -> None:
    assert not is_loopback(host)


def test_an_open_address_is_refused_unless_the_operator_insists() -> None:
    with pytest.raises(ConfigurationError, match=r"^server\.host: 0\.0\.0\.0 can be reached .* say --insecure$"):
        check_guarded(ServerConfig(host="0.0.0.0"), None)
    check_guarded(ServerConfig(host="0.0.0.0", insecure=True), None)
    check_guarded(ServerConfig(), None)


def test_where_callers_have_to_authenticate_any_address_will_do(identity: Doorman) -> None:
    identity.required = False
    with pytest.raises(
        ConfigurationError, match=r"^server\.host: 0\.0\.0\.0 can .*; make a key \(dinrail keys create\)"
    ):
        check_guarded(ServerConfig(host="0.0.0.0"), identity)
    identity.required = True
    check_guarded(ServerConfig(host="0.0.0.0", authenticate=True), identity)


def test_a_server_that_is_to_authenticate_does_not_start_without(identity: Doorman) -> None:
    identity.required = False
    for known in (None, identity):
        with pytest.raises(ConfigurationError, match=r"^server\.authenticate: nobody would have to authenticate; "):
            check_guarded(ServerConfig(authenticate=True, insecure=True), known)


def test_a_taken_port_is_one_line_that_names_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^server\.port: cannot listen on 127\.0\.0\.1:{port} \("):
            bind(ServerConfig(port=port))


def test_an_unknown_address_names_the_key() -> None:
    with pytest.raises(ConfigurationError, match=r"^server\.host: "):
        bind(ServerConfig(host="no-such-host.invalid", port=0, insecure=True))


def test_the_url_is_one_that_clients_can_use() -> None:
    for host, shown in (("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("localhost", "localhost")):
        with bind(ServerConfig(host=host, port=0, insecure=True)) as sock:
            assert url_of(ServerConfig(host=host), sock) == f"http://{shown}:{sock.getsockname()[1]}/v1"


def test_a_certificate_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    assert tls_context(None) is None
    with pytest.raises(ConfigurationError, match=r"^server\.tls: "):
        tls_context(TlsConfig(certificate=tmp_path / "no.pem", key=tmp_path / "no.key"))
    (tmp_path / "bad.pem").write_text("not PEM")
    with pytest.raises(ConfigurationError, match=r"^server\.tls: "):
        tls_context(TlsConfig(certificate=tmp_path / "bad.pem", key=tmp_path / "bad.pem"))


@pytest.mark.parametrize(
    "wrong", [{"port": 70_000}, {"workers": 0}, {"request_timeout": 0}, {"max_body_bytes": 1}, {"prot": 1}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServerConfig.model_validate(wrong)
