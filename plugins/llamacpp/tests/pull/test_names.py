from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import InvalidRequest, NotFound
from dinrail_llamacpp.catalogue import CATALOGUE
from dinrail_llamacpp.pull.names import FromPackage, FromUrl, parse

HUB = "https://hub.example/"
SUM = "0123456789abcdef" * 4


def test_a_name_of_the_catalogue_is_a_file_of_a_pinned_package() -> None:
    source = parse("smollm2", hub_url=HUB)
    assert isinstance(source, FromPackage)
    entry = CATALOGUE["smollm2"]
    assert (source.model, source.version, source.wheel_sha256) == ("smollm2", entry.version, entry.wheel_sha256)


@pytest.mark.parametrize(
    ("name", "url", "model"),
    [
        ("hf:Org/Repo-GGUF/m.Q4.gguf", "https://hub.example/Org/Repo-GGUF/resolve/main/m.Q4.gguf", "m.Q4"),
        ("hf:Org/Repo@v1.0/sub/m.gguf", "https://hub.example/Org/Repo/resolve/v1.0/sub/m.gguf", "m"),
        ("hf:Org/Repo/a b.gguf", "https://hub.example/Org/Repo/resolve/main/a%20b.gguf", "a-b"),
    ],
)
def test_a_name_of_the_hub_is_its_address(name: str, url: str, model: str) -> None:
    assert parse(name, hub_url=HUB) == FromUrl(model, url, None, hub=True)


def test_a_url_may_tell_its_checksum() -> None:
    assert parse(f"https://x.example/a/m%20b.gguf?y=1#sha256={SUM.upper()}", hub_url=HUB) == FromUrl(
        "m-b", "https://x.example/a/m%20b.gguf?y=1", SUM
    )


def test_a_file_of_any_package_can_be_named() -> None:
    assert parse("package:some-models==1.2/data/m.gguf", hub_url=HUB) == FromPackage(
        "m", "some-models", "1.2", "data/m.gguf"
    )


@pytest.mark.parametrize(
    "name",
    [
        "https://x.example/m.bin",
        "https:///m.gguf",
        "https://u:p@x.example/m.gguf",
        "http://x.example/m.gguf",
        "https://x.example/m.gguf#md5=1",
        f"https://x.example/m.gguf#sha256={SUM[:-1]}",
        "hf:Org/Repo/../m.gguf",
        "package:x==1/../../m.gguf",
        "hf:Org/Repo/m-00001-of-00003.gguf",
    ],
)
def test_a_name_of_a_known_form_that_is_wrong_says_why(name: str) -> None:
    with pytest.raises(InvalidRequest):
        parse(name, hub_url=HUB)


@pytest.mark.parametrize(
    "name", ["", "nothing", "ftp://x/m.gguf", "hf:Org/m.gguf", "package:x/m.gguf", "package:-r==1/m.gguf"]
)
def test_an_unknown_name_says_which_forms_there_are(name: str) -> None:
    with pytest.raises(NotFound, match="hf:ORGANISATION/REPOSITORY"):
        parse(name, hub_url=HUB)


@given(st.text(max_size=60) | st.from_regex(r"(hf:|https://|package:)[a-z/.=@#%]{0,40}\.gguf", fullmatch=True))
def test_a_model_is_named_by_what_can_be_a_file_in_a_folder(name: str) -> None:
    try:
        model = parse(name, hub_url=HUB).model
    except (NotFound, InvalidRequest):
        return
    assert model
    assert not {"/", "\\", "\x00"} & {*model}
    assert not model.startswith(".")
