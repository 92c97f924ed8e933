"""A large file goes through without the server growing with it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Process

MIB = 1024 * 1024
MOST = 64 * MIB
PIECE = bytes(range(256)) * 4096


def body(mebibytes: int) -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
    for _ in range(mebibytes):
        yield PIECE
    yield b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    "mebibytes", [128, pytest.param(512, marks=[pytest.mark.slow, pytest.mark.timeout(300)])], ids=lambda n: f"{n} MiB"
)
def test_uploading_and_fetching_a_large_file_takes_little_memory(tmp_path: Path, mebibytes: int) -> None:
    process = Process(tmp_path, {})
    process.start()
    try:
        with process.client() as client:
            warm = client.files.create(file=("warm", PIECE), purpose="user_data")
            client.files.content(warm.id)
        before = process.memory()
        host, _, port = process.url.removeprefix("http://").removesuffix("/v1").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=200)
        connection.request(
            "POST",
            "/v1/files",
            body(mebibytes),
            {"Content-Type": "multipart/form-data; boundary=b", "Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        created = answer.read()
        assert b'"bytes":%d,' % (mebibytes * MIB) in created
        after_upload = process.memory("VmHWM")
        file_id = created.partition(b'"id":"')[2].partition(b'"')[0].decode()
        connection.request("GET", f"/v1/files/{file_id}/content")
        answer = connection.getresponse()
        size = 0
        while piece := answer.read(MIB):
            size += len(piece)
        assert size == mebibytes * MIB
        connection.close()
        most = process.memory("VmHWM")
        print(f"grew by {(after_upload - before) / MIB:.1f} MiB taking it in, {(most - before) / MIB:.1f} in all")
        assert most - before < MOST
    finally:
        process.stop()
