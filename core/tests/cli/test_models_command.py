from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from dinrail_core.api.provider import PullProgress
from dinrail_core.cli import models_command

if TYPE_CHECKING:
    from conftest import Program

LIBRARY = """
class Talks:
    pass

class Library(Talks, ModelLibrary, ModelSource):
    def __init__(self, folder):
        self.folder = folder

    async def models(self):
        return [ModelInfo(path.name) for path in sorted(self.folder.glob("*"))]

    async def pull(self, name):
        if name == "unknown":
            raise NotFound(f"There is no model '{{name}}'.")
        yield PullProgress(0, None, "asking")
        yield PullProgress(50, 100)
        if name == "cut":
            raise UpstreamUnavailable("The connection was cut; run it again to resume.")
        (self.folder / name).write_text("weights")
        yield PullProgress(100, 100)

@asynccontextmanager
async def opening(config, context):
    {body}
    yield Library(context.folder())

@hookimpl
def dinrail_providers():
    yield ProviderType(
        name="{name}",
        config=Empty,
        apis={{Talks, ModelLibrary, ModelSource}},
        open=opening,
        detect=lambda environment: {{}},
    )
"""

DEAD = """
class Talks:
    pass

class Dead(Talks, ModelSource):
    async def models(self):
        raise UpstreamUnavailable("It cannot be reached.")

@asynccontextmanager
async def opening(config, context):
    yield Dead()

@hookimpl
def dinrail_providers():
    yield ProviderType(name="dead", config=Empty, apis={Talks, ModelSource}, open=opening, detect=lambda e: {})
"""


def library(name: str = "lib", body: str = "pass") -> str:
    return LIBRARY.format(name=name, body=body)


def test_models_are_listed_with_what_they_serve(program: Program) -> None:
    program.install("lib", library())
    program("models", "pull", "smol")
    program("models", "pull", "tiny")
    done = program("models")
    assert (done.code, done.err) == (0, "")
    assert done.out == "MODEL     SERVES\nlib/smol  Talks\nlib/tiny  Talks\n"


def test_aliases_are_listed_too(program: Program) -> None:
    program.install("lib", library())
    program("models", "pull", "smol")
    program.configure("[aliases]\n'gpt-4o' = 'lib/smol'\n")
    assert "gpt-4o    Talks\n" in program("models").out


def test_without_models_it_says_how_to_fetch_one(program: Program) -> None:
    program.install("lib", library())
    done = program("models")
    assert (done.code, done.err) == (0, "")
    assert "dinrail models pull" in done.out


def test_a_provider_that_is_not_ready_is_told_on_the_error_stream(program: Program) -> None:
    program.install("dead", DEAD)
    program.install("lib", library())
    program("models", "pull", "smol")
    done = program("models")
    assert (done.code, done.err) == (0, "dead: unreachable (It cannot be reached.)\n")
    assert "lib/smol" in done.out


def test_a_pulled_model_is_there(program: Program) -> None:
    program.install("lib", library())
    done = program("models", "pull", "smol")
    assert (done.code, done.out, done.err) == (0, "smol is there.\n", "")
    assert "lib/smol" in program("models").out


def test_pulling_opens_no_other_provider(program: Program) -> None:
    program.install("lib", library())
    program.install("other", DEAD.replace("yield Dead()", "raise SystemExit('opened')\n    yield"))
    assert program("models", "pull", "smol").code == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("unknown", "dinrail: There is no model 'unknown'.\n"),
        ("cut", "dinrail: The connection was cut; run it again to resume.\n"),
    ],
)
def test_a_pull_that_fails_is_one_line_and_exits_with_1(program: Program, name: str, line: str) -> None:
    program.install("lib", library())
    done = program("models", "pull", name)
    assert (done.code, done.out, done.err) == (1, "", line)


def test_a_library_that_cannot_be_opened_is_one_line(program: Program) -> None:
    program.install("lib", library(body="raise OSError('disk full')"))
    done = program("models", "pull", "smol")
    assert (done.code, done.out) == (1, "")
    assert done.err == "dinrail: The provider 'lib' is not open (opening it failed (OSError: disk full)).\n"


def test_without_a_library_nothing_can_be_pulled(program: Program) -> None:
    done = program("models", "pull", "smol")
    assert (done.code, done.err) == (1, "dinrail: no single provider can fetch models; none is installed\n")


def test_of_several_libraries_one_must_be_named(program: Program) -> None:
    program.install("one", library("one"))
    program.install("two", library("two"))
    done = program("models", "pull", "smol")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "several can: say which with --provider (one, two)" in done.err
    assert program("models", "pull", "smol", "--provider", "two").code == 0
    assert "two/smol" in program("models").out
    done = program("models", "pull", "smol", "--provider", "three")
    assert (done.code, done.err) == (
        1,
        "dinrail: There is no provider 'three' that can fetch models (there are: one, two).\n",
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_is_drawn_and_wiped_away(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_command, "_REDRAW", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    program.install("lib", library())
    assert program("models", "pull", "smol").code == 0
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[1] == "smol 0.0 MB asking"
    assert drawn[2].startswith(f"smol [{'█' * 15}{'·' * 15}] 0.0 MB of 0.0 MB")
    assert drawn[3].startswith(f"smol [{'█' * 30}]")
    assert drawn[-1] == ""


def test_a_quiet_pull_draws_nothing_on_a_terminal(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    program.install("lib", library())
    assert program("models", "pull", "smol", "--quiet").code == 0
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    "step", [PullProgress(0, 0), PullProgress(5, 0), PullProgress(200, 100), PullProgress(0, None)]
)
def test_the_bar_takes_whatever_a_library_tells(step: PullProgress, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    bar = models_command._Bar("smol", live=True)
    bar.show(step)
    bar.end()
    assert "█" * 31 not in terminal.getvalue()
    assert "smol" in terminal.getvalue()
