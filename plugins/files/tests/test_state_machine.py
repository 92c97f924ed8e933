"""Any sequence of operations, restarts among them, does what a dictionary would."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)
from stock import PLUGINS, configuration, settled, take_stock

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.files import Files, ListFilesQuery, NewFile
from dinrail_core.api.uploads import CompleteUpload, CreateUpload, Uploads
from dinrail_core.errors import NotFound
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.blobs import in_pieces
from dinrail_sdk.testing.databases import PostgreSQL

CALLERS = [Call(Principal("acme", "ann")), Call(Principal("acme", "bob"))]

callers = st.sampled_from(CALLERS)
contents = st.binary(max_size=300)
purposes = st.sampled_from(["user_data", "vision"])


class FilesMachine(RuleBasedStateMachine):
    """Files beside a dictionary of what they should be."""

    server: PostgreSQL | None = None
    files = Bundle("files")
    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._temporary = tempfile.TemporaryDirectory(prefix="dinrail-files-")
        self._folder = Path(self._temporary.name)
        self._url = self.server.create() if self.server is not None else None
        self._opening: AbstractAsyncContextManager[Rail] | None = None
        self.model: dict[str, tuple[Call, str, str, bytes]] = {}
        self.parts: dict[str, tuple[Call, list[bytes]]] = {}
        self.order: list[str] = []
        self._open()

    def _run(self, coroutine: Any) -> Any:
        return self._loop.run_until_complete(asyncio.wait_for(coroutine, 30))

    def _open(self) -> None:
        database: dict[str, Any] = {"services": {"database": {"url": self._url}}} if self._url else {}
        self._opening = open_rail(plugins=PLUGINS, config=configuration(database, self._folder))
        self.rail: Rail = self._run(self._opening.__aenter__())
        self.service: Files = self._run(self.rail.service(Files))
        self.upload_service: Uploads = self._run(self.rail.service(Uploads))

    def _close(self) -> None:
        assert self._opening is not None
        self._run(self._opening.__aexit__(None, None, None))

    def teardown(self) -> None:
        stock = self._run(settled(self.rail, self._folder))
        assert stock.files.keys() == self.model.keys()
        self._close()
        self._loop.close()
        self._temporary.cleanup()
        if self.server is not None and self._url is not None:
            self.server.drop(self._url)

    def _keep(self, file_id: str, caller: Call, name: str, purpose: str, data: bytes) -> str:
        self.model[file_id] = (caller, name, purpose, data)
        self.order.append(file_id)
        return file_id

    @rule(target=files, caller=callers, name=st.text('ab;" é', min_size=1), purpose=purposes, data=contents)
    def create(self, caller: Call, name: str, purpose: Any, data: bytes) -> str:
        made = self._run(self.service.create(NewFile(filename=name, purpose=purpose), in_pieces(data, 7), caller)).value
        return self._keep(made.id, caller, name, purpose, data)

    @rule(target=uploads, caller=callers, parts=st.lists(contents, max_size=3))
    def begin(self, caller: Call, parts: list[bytes]) -> str:
        request = CreateUpload(filename="up", purpose="user_data", bytes=sum(map(len, parts)), mime_type="text/plain")
        upload_id: str = self._run(self.upload_service.create(request, caller)).value.id
        self.parts[upload_id] = (caller, parts)
        return upload_id

    @rule(target=files, upload_id=consumes(uploads))
    def complete(self, upload_id: str) -> str:
        caller, parts = self.parts.pop(upload_id)
        ids = [self._run(self.upload_service.add_part(upload_id, in_pieces(part), caller)).value.id for part in parts]
        done = self._run(self.upload_service.complete(upload_id, CompleteUpload(part_ids=ids), caller)).value
        return self._keep(done.file.id, caller, "up", "user_data", b"".join(parts))

    @rule(upload_id=consumes(uploads))
    def cancel(self, upload_id: str) -> None:
        caller, parts = self.parts.pop(upload_id)
        for part in parts:
            self._run(self.upload_service.add_part(upload_id, in_pieces(part), caller))
        assert self._run(self.upload_service.cancel(upload_id, caller)).value.status == "cancelled"

    @rule(file_id=files, caller=callers)
    def delete(self, file_id: str, caller: Call) -> None:
        if file_id in self.model and self.model[file_id][0] == caller:
            self._run(self.service.delete(file_id, caller))
            del self.model[file_id]
        else:
            with pytest.raises(NotFound):
                self._run(self.service.delete(file_id, caller))

    @rule(file_id=files, caller=callers)
    def read(self, file_id: str, caller: Call) -> None:
        owner, name, purpose, data = self.model.get(file_id, (None, "", "", b""))
        if owner != caller:
            with pytest.raises(NotFound):
                self._run(self.service.content(file_id, caller))
            return
        found = self._run(self.service.content(file_id, caller))

        async def everything() -> bytes:
            return b"".join([piece async for piece in found.read(0, found.file.bytes)])

        assert self._run(everything()) == data
        assert (found.file.filename, found.file.purpose, found.file.bytes) == (name, purpose, len(data))

    @rule(caller=callers, limit=st.integers(1, 4), order=st.sampled_from(["asc", "desc"]), purpose=st.none() | purposes)
    def walk(self, caller: Call, limit: int, order: Any, purpose: str | None) -> None:
        wanted = [key for key in self.order if key in self.model and self.model[key][0] == caller]
        wanted = [key for key in wanted if purpose is None or self.model[key][2] == purpose]
        found: list[str] = []
        more = True
        while more:
            fields: dict[str, Any] = {"limit": limit, "order": order}
            fields |= {"after": found[-1]} if found else {}
            fields |= {"purpose": purpose} if purpose is not None else {}
            page = self._run(self.service.list(ListFilesQuery(**fields), caller)).value
            assert len(page.data) <= limit
            found += [file.id for file in page.data]
            more = page.has_more
        assert found == (wanted if order == "asc" else wanted[::-1])

    @rule()
    def restart(self) -> None:
        self._close()
        self._open()

    @invariant()
    def every_file_has_its_bytes(self) -> None:
        stock = self._run(take_stock(self.rail, self._folder))
        assert {*stock.files.values(), *stock.parts.values()} <= stock.blobs


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_sequence_of_operations_does_what_a_dictionary_would(kind: str, request: pytest.FixtureRequest) -> None:
    FilesMachine.server = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    few = settings(max_examples=8, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(FilesMachine, settings=few)
