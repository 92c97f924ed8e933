from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks import Secret
from dinrail_core.host import Settings, load_settings
from dinrail_core.host.settings import ensure_valid


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "dinrail.toml") -> Path:
    path = Path(name).absolute()
    path.write_text(text, encoding="utf-8")
    return path


def load(text: str = "", environment: dict[str, str] | None = None, **overrides: Any) -> Settings:
    return load_settings(write(text), environment or {}, overrides)


# --- where it is read from


def test_without_a_file_the_defaults_are_in_force() -> None:
    found = load_settings(environment={})
    assert found.data_dir == Path("~/.local/share/dinrail").expanduser()
    assert (found.providers, found.services, found.aliases, found.sections) == ({}, {}, {}, {})


def test_a_file_in_the_working_directory_is_read() -> None:
    write("[aliases]\na = 'b'\n")
    assert load_settings(environment={}).aliases == {"a": "b"}


def test_a_variable_names_a_file_and_the_flag_wins() -> None:
    write("[aliases]\na = 'default'\n")
    named = write("[aliases]\na = 'named'\n", "named.toml")
    flagged = write("[aliases]\na = 'flagged'\n", "flagged.toml")
    environment = {"DINRAIL_CONFIG": str(named)}
    assert load_settings(environment=environment).aliases == {"a": "named"}
    assert load_settings(flagged, environment).aliases == {"a": "flagged"}


def test_a_named_file_that_is_missing_is_an_error() -> None:
    for file, environment in ((Path("none.toml"), {}), (None, {"DINRAIL_CONFIG": "none.toml"})):
        with pytest.raises(ConfigurationError, match=r"^cannot read none\.toml \(FileNotFoundError\)$"):
            load_settings(file, environment)


def test_a_file_that_is_not_toml_says_where() -> None:
    with pytest.raises(ConfigurationError, match=r"is not TOML: .*line 2"):
        load("a = 1\nb = =\n")


def test_a_file_that_is_not_utf_8_is_an_error() -> None:
    path = write("")
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match=r"cannot read .*UnicodeDecodeError"):
        load_settings(path, {})


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    text, environment = "data_dir = '/file'\n", {"DINRAIL_DATA_DIR": "/environment"}
    assert load(text).data_dir == Path("/file")
    assert load(text, environment).data_dir == Path("/environment")
    assert load(text, environment, data_dir="/flag").data_dir == Path("/flag")
    assert load(text, environment, data_dir=None).data_dir == Path("/environment")


def test_a_flag_reaches_into_a_section() -> None:
    found = load("[server]\nport = 1\nhost = 'h'\n", server={"port": 2, "workers": None})
    assert found.sections == {"server": {"port": 2, "host": "h"}}


def test_a_flag_below_a_key_that_is_no_table_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"^server: must be a table$"):
        load("server = 5\n", server={"port": 2})


# --- the environment


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DINRAIL_PROVIDERS__GPU0__BASE_URL", "http://x", {"gpu0": {"type": "t", "base_url": "http://x"}}),
        ("DINRAIL_PROVIDERS__GPU0__TYPE", "other", {"gpu0": {"type": "other"}}),
        ("DINRAIL_PROVIDERS__NEW__TYPE", "t", {"gpu0": {"type": "t"}, "new": {"type": "t"}}),
        ("DINRAIL_PROVIDERS__GPU0__HEADERS__X_KEY", "v", {"gpu0": {"type": "t", "headers": {"x_key": "v"}}}),
        ("DINRAIL_PROVIDERS__GPU0__MODELS", '["a", "b"]', {"gpu0": {"type": "t", "models": ["a", "b"]}}),
        ("DINRAIL_PROVIDERS__GPU0__KEY", '{"env": "K"}', {"gpu0": {"type": "t", "key": {"env": "K"}}}),
        ("DINRAIL_PROVIDERS__GPU0__KEY", "", {"gpu0": {"type": "t", "key": ""}}),
        ("DINRAIL_PROVIDERS", '{"only": {"type": "t"}}', {"only": {"type": "t"}}),
    ],
)
def test_a_variable_sets_a_key_however_deep(name: str, value: str, expected: object) -> None:
    assert load("[providers.gpu0]\ntype = 't'\n", {name: value}).providers == expected


@pytest.mark.parametrize("written", ["My-GPU", "my-gpu", "MY_GPU", "my_gpu"])
def test_a_name_in_the_file_is_found_without_regard_to_case_and_hyphens(written: str) -> None:
    found = load(f"[providers.{written}]\ntype = 't'\n", {"DINRAIL_PROVIDERS__MY_GPU__KEY": "k"})
    assert found.providers == {written: {"type": "t", "key": "k"}}


def test_a_whole_table_as_json_is_set_before_a_key_in_it() -> None:
    environment = {"DINRAIL_PROVIDERS__A__KEY": "k", "DINRAIL_PROVIDERS": '{"a": {"type": "t"}}'}
    assert load("", environment).providers == {"a": {"type": "t", "key": "k"}}


def test_numbers_in_variables_are_read_by_the_key_that_takes_them() -> None:
    assert load("", {"DINRAIL_MODELS_REFRESH": "2.5"}).models_refresh == 2.5


def test_other_programs_variables_are_left_alone() -> None:
    assert load("", {"DINRAILS": "x", "PATH": "/bin", "dinrail_data_dir": "x"}) == load()


@pytest.mark.parametrize(
    "name",
    [
        "DINRAIL_URL",
        "DINRAIL_API_KEY",
        "DINRAIL_SERVICE_HOST",
        "DINRAIL_SERVICE_PORT",
        "DINRAIL_SERVICE_PORT_HTTP",
        "DINRAIL_PORT",
        "DINRAIL_PORT_8321_TCP",
        "DINRAIL_PORT_8321_TCP_ADDR",
    ],
)
def test_what_kubernetes_sets_for_a_service_called_dinrail_and_what_clients_go_by_is_left_alone(name: str) -> None:
    assert load("", {name: "tcp://10.0.0.1:8321"}) == load()


@pytest.mark.parametrize("value", ["[1", "{", '{"a": }', "[]]"])
def test_a_value_that_only_begins_like_json_names_the_variable_and_not_itself(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^DINRAIL_PROVIDERS: begins like JSON, but is not$"):
        load("", {"DINRAIL_PROVIDERS": value})


@pytest.mark.parametrize("name", ["DINRAIL_", "DINRAIL_SERVER__", "DINRAIL___PORT", "DINRAIL_A____B"])
def test_a_variable_with_an_empty_step_names_no_key(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name}: names no key$"):
        load("", {name: "x"})


def test_a_variable_below_a_key_that_is_no_table_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"^DINRAIL_DATA_DIR__X: stands below a key that is not a table$"):
        load("data_dir = '/d'\n", {"DINRAIL_DATA_DIR__X": "1"})


# --- what is refused


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("prot = 1\n", "prot: unknown key"),
        ("[plugins]\nenabled = []\n", "plugins.enabled: unknown key (known here: disable, enable)"),
        ("[plugins]\nenable = 'x'\n", "plugins.enable: Input should be a valid tuple"),
        ("models_refresh = 0\n", "models_refresh: Input should be greater than or equal to 1"),
        ("models_refresh = 'often'\n", "models_refresh: Input should be a valid number, unable to parse"),
        ("providers = 1\n", "providers: Input should be a valid dictionary"),
        ("[providers]\ngpu0 = 'vllm'\n", "providers.gpu0: Input should be a valid dictionary"),
        ("[providers.gpu0]\nbase_url = 'x'\n", "providers.gpu0.type: missing; say which kind of provider it is"),
        ("[providers.gpu0]\ntype = 3\n", "providers.gpu0.type: missing; say which kind of provider it is"),
        ("[providers.'a/b']\ntype = 't'\n", "providers.a/b: an instance's name has letters, digits"),
        ("[providers.'']\ntype = 't'\n", "providers.: an instance's name has letters, digits"),
        ("[providers.'..']\ntype = 't'\n", "providers...: an instance's name has letters, digits"),
        ("[services]\nfiles = 1\n", "services.files: Input should be a valid dictionary"),
        ("[aliases]\na = 1\n", "aliases.a: Input should be a valid string"),
    ],
)
def test_what_does_not_fit_is_one_line_that_begins_with_the_key(text: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)
    assert caught.value.key == line.partition(": ")[0]


def test_a_tilde_without_a_home_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(ConfigurationError, match=r"^data_dir: there is no home directory"):
        load_settings(environment={})


def test_a_relative_data_folder_becomes_absolute() -> None:
    assert load("data_dir = 'here'\n").data_dir == Path.cwd() / "here"


# --- aliases


@pytest.mark.parametrize(
    "aliases",
    [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}, {"x": "y", "y": "z", "z": "x", "w": "m"}],
)
def test_an_alias_that_leads_back_to_itself_is_refused(aliases: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"^aliases\.\w: leads back to itself through '\w'$"):
        load(aliases=aliases)


def test_an_alias_may_lead_to_an_alias() -> None:
    assert load(aliases={"a": "b", "b": "c/d"}).aliases == {"a": "b", "b": "c/d"}


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_aliases_are_accepted_exactly_when_every_walk_ends(aliases: dict[str, str]) -> None:
    def ends(here: str) -> bool:
        for _ in range(len(aliases) + 1):
            if here not in aliases:
                return True
            here = aliases[here]
        return False

    try:
        load_settings(environment={}, overrides={"aliases": aliases})
    except ConfigurationError:
        assert not all(ends(alias) for alias in aliases)
    else:
        assert all(ends(alias) for alias in aliases)


# --- the parts that plugins own


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


class Tls(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: Path


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: HttpUrl = HttpUrl("http://localhost")
    key: Secret | None = None
    headers: dict[str, Secret] = {}
    count: Annotated[int, Field(le=10), AfterValidator(_even)] = 2
    tls: Tls | None = None
    servers: list[Tls] = []


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"cuont": 2}, "gpu0: cuont: unknown key (known here: count, headers, key, servers, tls, url)"),
        ({"tls": {"key": "k", "cert": "c"}}, "gpu0: tls.cert: unknown key (known here: key)"),
        ({"servers": [{"key": "k", "cert": "c"}]}, "gpu0: servers.0.cert: unknown key"),
        ({"tls": {}}, "gpu0: tls.key: missing"),
        ({"count": 3}, "gpu0: count: must be even"),
        ({"count": "many"}, "gpu0: count: Input should be a valid integer, unable to parse string as an integer"),
        ({"count": 12}, "gpu0: count: Input should be less than or equal to 10"),
        ({"key": {"env": "NO_SUCH_VARIABLE"}}, "gpu0: key: the environment variable NO_SUCH_VARIABLE is not set"),
        ({"headers": {"x": {"file": "no-such-file"}}}, "gpu0: headers.x: the file no-such-file cannot be read"),
    ],
)
def test_a_plugins_key_that_does_not_fit_is_named_in_full(data: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ensure_valid(Config, data, "gpu0")
    assert str(caught.value).startswith(line.replace("gpu0: ", "gpu0."))


class Crashes(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = ""

    @model_validator(mode="before")
    @classmethod
    def _crash(cls, data: dict[str, Any]) -> dict[str, Any]:
        raise KeyError(data["key"])


def test_a_plugins_validator_that_crashes_is_one_line_without_the_value() -> None:
    with pytest.raises(ConfigurationError, match=r"^providers\.gpu0: checking it failed \(KeyError\)$"):
        ensure_valid(Crashes, {"key": "hush-hush"}, "providers.gpu0")


_SECRET = "sk-hush-hush-1234"  # a value that would stand out


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(_SECRET) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["env", "file", "x"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["key", "headers", "url", "count", "tls"]), _json, min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_error_never_repeats_a_value(data: dict[str, Any]) -> None:
    try:
        shown = repr(ensure_valid(Config, data, "providers.gpu0"))
    except ConfigurationError as error:
        # A file's name is not taken for a secret, since it is needed to mend what is wrong.
        shown = f"{error} {error.__cause__}".replace(f"the file {_SECRET} ", "")
    assert _SECRET not in shown


def test_what_fits_comes_back_as_the_model() -> None:
    checked = ensure_valid(Config, {"key": _SECRET, "count": "4"}, "gpu0")
    assert checked == Config(key=SecretStr(_SECRET), count=4)
