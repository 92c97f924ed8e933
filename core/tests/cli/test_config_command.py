from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dinrail_core.cli.config_command import _toml, _without_passwords
from dinrail_core.host import Settings

if TYPE_CHECKING:
    from conftest import Program

ECHO = """
import datetime
import enum
from pydantic import HttpUrl

class Talks:
    pass

class Mood(enum.Enum):
    GOOD = "good"

class Inner(Empty):
    token: Secret | None = None
    name: str = "inner"

class Config(Empty):
    base_url: HttpUrl = HttpUrl("http://localhost")
    api_key: Secret | None = None
    headers: dict[str, Secret] = {}
    inner: Inner = Inner()
    several: list[Inner] = []
    database: str = ""
    mood: Mood = Mood.GOOD
    pause: datetime.timedelta = datetime.timedelta(seconds=90)
    share: float = 0.5
    limit: float = float("inf")
    on: bool = True

@asynccontextmanager
async def opening(config, context):
    raise AssertionError("the configuration commands open nothing")
    yield

@hookimpl
def dinrail_providers():
    yield ProviderType(name="echo", config=Config, apis={Talks}, open=opening)
"""

GREET = """
class Greeting(Empty):
    text: str = "Hello"

@hookimpl
def dinrail_sections():
    yield Section(name="greeting", config=Greeting)

class Notes:
    pass

class NotesConfig(Empty):
    url: str = "sqlite:///notes"

@hookimpl
def dinrail_services():
    yield ServiceType(name="notes", config=NotesConfig, provides={Notes}, open=opening)

@asynccontextmanager
async def opening(config, context):
    raise AssertionError("the configuration commands open nothing")
    yield
"""


def install(program: Program) -> None:
    program.install("echo", ECHO)
    program.install("greet", GREET, extends=["sections", "services"], bundled=True)


# --- check


def test_a_good_configuration_is_called_good_and_its_providers_named(program: Program) -> None:
    install(program)
    program.configure("[providers.gpu1]\ntype = 'echo'\n[providers.gpu0]\ntype = 'echo'\n")
    done = program("config", "check")
    assert (done.code, done.out, done.err) == (0, "The configuration is good. Providers: gpu0, gpu1.\n", "")


def test_without_providers_it_says_so(program: Program) -> None:
    assert program("config", "check").out == "The configuration is good. Providers: none.\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[server\n", "is not TOML"),
        ("[servre]\n", "dinrail: servre: no installed plugin has a section of this name (known here: "),
        ("[greeting]\ntxt = 1\n", "dinrail: greeting.txt: unknown key (known here: text)"),
        (
            "[providers.gpu0]\ntype='echo'\nbase_url='x'\n",
            "dinrail: providers.gpu0.base_url: Input should be a valid URL",
        ),
        (
            "[providers.gpu0]\ntype='echo'\napi_key={env='NO_KEY'}\n",
            "dinrail: providers.gpu0.api_key: the environment v",
        ),
        (
            "[providers.gpu0]\ntype='echo'\n[providers.gpu0.inner]\nx=1\n",
            "dinrail: providers.gpu0.inner.x: unknown key (",
        ),
        ("[services.nots]\n", "dinrail: services.nots: no installed plugin has a service of this name"),
        ("[plugins]\nenable=['x']\n", "dinrail: plugins.enable: no plugin named 'x' is installed"),
        ("[aliases]\na='a'\n", "dinrail: aliases.a: leads back to itself through 'a'"),
    ],
)
def test_a_wrong_configuration_is_one_line_that_names_the_key(program: Program, text: str, line: str) -> None:
    install(program)
    program.configure(text)
    done = program("config", "check")
    assert (done.code, done.out) == (1, "")
    assert line in done.err
    assert done.err.count("\n") == 1


def test_a_broken_plugin_is_named_and_does_not_make_the_configuration_wrong(program: Program) -> None:
    program.install("broken", "raise ImportError('no CUDA')")
    program.configure("[providers.gpu0]\ntype = 'broken'\nany = 'key'\n")
    done = program("config", "check")
    assert done.code == 0
    assert done.out.splitlines() == [
        "The configuration is good. Providers: gpu0.",
        "Set aside: broken (cli-broken 1.2.3): it cannot be imported (ImportError: no CUDA)",
    ]


# --- show


def shown(program: Program) -> dict[str, Any]:
    done = program("config", "show")
    assert (done.code, done.err) == (0, "")
    return tomllib.loads(done.out)


def test_everything_in_force_is_shown_as_toml_defaults_included(program: Program) -> None:
    install(program)
    program.configure("[aliases]\n'gpt 4' = 'gpu0/m'\n[providers.gpu0]\ntype = 'echo'\n[greeting]\ntext = 'Hi'\n")
    tree = shown(program)
    assert tree.keys() == {*Settings.model_fields, "greeting"} - {"sections"}
    assert tree["aliases"] == {"gpt 4": "gpu0/m"}
    assert tree["greeting"] == {"text": "Hi"}
    assert tree["services"] == {"notes": {"url": "sqlite:///notes"}}
    assert tree["plugins"] == {"enable": [], "disable": []}
    assert tree["providers"]["gpu0"] == {
        "type": "echo",
        "base_url": "http://localhost/",
        "headers": {},
        "inner": {"name": "inner"},
        "several": [],
        "database": "",
        "mood": "good",
        "pause": "PT1M30S",
        "share": 0.5,
        "limit": float("inf"),
        "on": True,
    }


def test_models_and_limits_in_force_are_shown(program: Program) -> None:
    install(program)
    program.configure(
        "[models.fast]\ntargets = ['gpu0/m']\n"
        "[providers.gpu0]\ntype = 'echo'\n[providers.gpu0.limits]\nconcurrency = 8\n"
    )
    tree = shown(program)
    assert (tree["models"]["fast"]["targets"], tree["models"]["fast"]["balance"]) == (
        [{"model": "gpu0/m", "weight": 1.0}],
        "weighted",
    )
    assert tree["providers"]["gpu0"]["limits"]["concurrency"] == 8
    assert tree["outbound"] == {"allow_private": []}


def test_what_is_shown_can_be_used_as_a_configuration(program: Program) -> None:
    install(program)
    program.configure(
        "[providers.gpu0]\ntype = 'echo'\n[providers.gpu0.inner]\nname = 'x'\n[providers.gpu0.limits]\nfailures = 3\n"
        "[models.fast]\ntargets = ['gpu0/m', { model = 'gpu0/n', weight = 2 }]\nprice = { input = 1 }\n"
    )
    first = program("config", "show").out
    file = program.configure(first, "shown.toml")
    assert program("--config", str(file), "config", "show").out == first


def test_a_secret_is_masked_wherever_it_stands(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    install(program)
    monkeypatch.setenv("A_KEY", "hush-1")
    monkeypatch.setenv("DINRAIL_PROVIDERS__GPU0__INNER__TOKEN", "hush-2")
    program.configure(
        """
        [providers.gpu0]
        type = "echo"
        api_key = { env = "A_KEY" }
        headers = { "x-key" = "hush-3" }
        several = [{ token = "hush-4" }]
        database = "postgresql://me:hush-5@db/x?sslmode=require"
        base_url = "http://me:hush-6@host:80/v1"
        """
    )
    done = program("config", "show")
    assert "hush" not in done.out
    one = tomllib.loads(done.out)["providers"]["gpu0"]
    mask = "**********"
    assert (one["api_key"], one["headers"], one["inner"]["token"]) == (mask, {"x-key": mask}, mask)
    assert one["several"] == [{"token": mask, "name": "inner"}]
    assert one["database"] == f"postgresql://me:{mask}@db/x?sslmode=require"
    assert one["base_url"] == f"http://me:{mask}@host/v1"


def test_an_instance_of_a_broken_plugin_is_shown_without_what_nobody_could_check(program: Program) -> None:
    program.install("broken", "raise ImportError('no CUDA')")
    program.configure("[providers.gpu0]\ntype = 'broken'\napi_key = 'hush'\n")
    assert shown(program)["providers"] == {"gpu0": {"type": "broken"}}


@given(
    st.sampled_from(["api_key", "headers", "inner", "several", "database"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=4).map(lambda text: f"hush{text}"),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_no_secret_is_ever_shown_wherever_and_however_it_is_given(program: Program, key: str, secret: str) -> None:
    from dinrail_core.cli.config_command import _literal

    if not program.imported("echo"):
        install(program)
    value: Any = {
        "api_key": secret,
        "headers": {"x": secret},
        "inner": {"token": secret},
        "several": [{"token": secret}],
        "database": "postgresql://me:" + "".join(c for c in secret if c.isalnum() and c.isascii()) + "@db/x",
    }[key]
    program.configure(f"[providers.gpu0]\ntype = 'echo'\n{key} = {_literal(value)}\n")
    for command in (("config", "show"), ("config", "check")):
        done = program(*command)
        assert done.code == 0
        assert "hush" not in done.out + done.err


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://h/x", "http://h/x"),
        ("http://me@h/x", "http://me@h/x"),
        ("http://me:pw@h/x", "http://me:*@h/x"),
        ("http://:pw@h", "http://:*@h"),
        ("redis://me:p@w:x@h", "redis://me:*@h"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("http://h:80/?q=a:b@c", "http://h:80/?q=a:b@c"),
        ("see http://a:b@c and http://d:e@f", "see http://a:*@c and http://d:*@f"),
        ("no url: a@b", "no url: a@b"),
    ],
)
def test_of_a_url_only_the_password_is_masked(url: str, masked: str) -> None:
    assert _without_passwords({"a": [url]}) == {"a": [masked.replace("*", "*" * 10)]}


_keys = st.text(st.characters(codec="utf-8"), max_size=5)
_scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(_keys, _values, max_size=4))
@settings(deadline=None)
def test_any_tree_survives_being_written_as_toml(tree: dict[str, Any]) -> None:
    assert tomllib.loads("\n".join(_toml(tree))) == tree


def test_a_key_without_a_value_is_left_out() -> None:
    assert tomllib.loads("\n".join(_toml({"a": None, "b": {"c": None}, "d": [{"e": None, "f": 1}]}))) == {
        "b": {},
        "d": [{"f": 1}],
    }
