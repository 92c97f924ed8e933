"""Names come back as they were sent, whatever they are and however the client writes them."""

from __future__ import annotations

import http.client
import re
from urllib.parse import quote, unquote

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stock import Background

# What clients write as %22, %0D and so on cannot be told from names that contain just that.
_AMBIGUOUS = re.compile(r"%(?:0[0-9A-Fa-f]|1[0-9A-Fa-f]|22)")

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80).filter(
    lambda name: not _AMBIGUOUS.search(name)
)

AWKWARD = (
    'a"b.txt',
    "a;b;c.txt",
    'a"; filename="b',
    "a\r\nX-Header: b",
    "../../etc/passwd",
    "..",
    "C:\\temp\\new.txt",
    "ends with \\",
    'ends with \\"',
    "naïve 😀 \u202e.txt",
    " spaces ",
    "100%.txt",
    "a%20b",
    "'",
    "\x1b[31m",
)


def as_listed(client: openai.OpenAI, file_id: str) -> str:
    return client.files.retrieve(file_id).filename


def as_downloaded(background: Background, file_id: str) -> str:
    host, _, port = background.url.removeprefix("http://").removesuffix("/v1").partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    try:
        connection.request("GET", f"/v1/files/{file_id}/content")
        answer = connection.getresponse()
        answer.read()
        disposition = answer.headers["content-disposition"]
    finally:
        connection.close()
    match = re.fullmatch(r"attachment; filename=\"([^\"\\]*)\"; filename\*=UTF-8''([\x21-\x7e]+)", disposition)
    assert match is not None, disposition
    return unquote(match[2], errors="strict")


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_survive_the_openai_client(background: Background, name: str) -> None:
    with background.client() as client:
        created = client.files.create(file=(name, b"x"), purpose="user_data")
        assert created.filename == name
        assert as_listed(client, created.id) == name
        assert as_downloaded(background, created.id) == name


@given(names)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_survives_the_openai_client(background: Background, name: str) -> None:
    with background.client() as client:
        created = client.files.create(file=(name, b"x"), purpose="user_data")
        assert as_listed(client, created.id) == name
        assert as_downloaded(background, created.id) == name


def whatwg(name: str) -> str:
    """As browsers and Node write it."""
    for plain, escaped in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        name = name.replace(plain, escaped)
    return f'filename="{name}"'


def extended(name: str) -> str:
    """As RFC 5987 has it."""
    return f"filename=\"fallback\"; filename*=UTF-8''{quote(name, safe='')}"


@given(names, st.sampled_from([whatwg, extended]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_survives_other_ways_of_writing(background: Background, name: str, write: object) -> None:
    assert callable(write)
    if write is whatwg and re.search(r"\\[\\\"]|\\$", name):
        name = name.replace("\\", "/")  # browsers leave backslashes alone, others double them: one of the two must lose
    host, _, port = background.url.removeprefix("http://").removesuffix("/v1").partition(":")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; ' + write(name).encode() + b"\r\n\r\nx\r\n--b--\r\n"
    )
    connection = http.client.HTTPConnection(host, int(port))
    try:
        connection.request("POST", "/v1/files", body, {"Content-Type": "multipart/form-data; boundary=b"})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, text
    finally:
        connection.close()
    with background.client() as client:
        assert client.files.list(limit=1).data[0].filename == name
