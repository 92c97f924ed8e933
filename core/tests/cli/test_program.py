from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dinrail_core import __version__
from dinrail_core.host.discovery import Installed, discover

if TYPE_CHECKING:
    from conftest import Program

HELLO = """
def run(arguments):
    print(f"Hello {arguments.name}")
    return 0

@hookimpl
def dinrail_commands():
    yield Command(
        name="hello", summary="Greet somebody", configure=lambda parser: parser.add_argument("name"), run=run
    )
"""

OWN = ["config", "doctor", "models", "plugins"]


# --- help


def test_help_lists_every_command_with_what_it_is_for(program: Program) -> None:
    program.install("hello", HELLO, extends=["commands"], bundled=True)
    done = program("--help")
    assert (done.code, done.err) == (0, "")
    for command in [*OWN, "hello"]:
        (line,) = [line for line in done.out.splitlines() if line.startswith(f"    {command} ")]
        assert len(line.split()) > 2
    assert "dinrail serve" in done.out


@pytest.mark.parametrize(
    "arguments",
    [(command,) for command in OWN]
    + [("config", "check"), ("config", "show"), ("models", "pull"), ("plugins", "freeze"), ("plugins", "bundle")],
    ids=" ".join,
)
def test_every_command_and_action_explains_itself(program: Program, arguments: tuple[str, ...]) -> None:
    done = program(*arguments, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"usage: dinrail {' '.join(arguments)}")


def test_the_version_is_the_cores(program: Program) -> None:
    assert program("--version").out == f"dinrail {__version__}\n"


# --- errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("brew",), "invalid choice: 'brew' (choose from "),
        (("plugins", "--nope"), "unrecognized arguments: --nope"),
        (("models", "pull"), "the following arguments are required: name"),
        (("config",), "the following arguments are required: ACTION"),
        (("--config",), "argument --config: expected one argument"),
        (("--conf", "x", "plugins"), "invalid choice: 'x'"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line_and_exits_with_2(
    program: Program, arguments: tuple[str, ...], words: str
) -> None:
    done = program(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith("dinrail")
    assert words in done.err
    assert "--help'" in done.err


RAISES = """
import errno

ERRORS = {{
    "multi": ConfigurationError("bad\\n  thing", key="a.b"),
    "down": UpstreamUnavailable("It is down."),
    "file": PermissionError(errno.EACCES, "Permission denied", "/some/file"),
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "ctrl-c": KeyboardInterrupt(),
    "exit": SystemExit(7),
}}

def run(arguments):
    raise ERRORS["{which}"]

@hookimpl
def dinrail_commands():
    yield Command(name="hello", summary="Fail", configure=lambda parser: None, run=run)
"""


@pytest.mark.parametrize(
    ("which", "code", "line"),
    [
        ("multi", 1, "dinrail: a.b: bad thing\n"),
        ("down", 1, "dinrail: It is down.\n"),
        ("file", 1, "dinrail: /some/file: Permission denied\n"),
        ("full", 1, "dinrail: [Errno 28] No space left on device\n"),
        ("ctrl-c", 130, ""),
        ("exit", 7, ""),
    ],
)
def test_an_error_of_a_command_is_one_line_and_exits_with_its_code(
    program: Program, which: str, code: int, line: str
) -> None:
    program.install("hello", RAISES.format(which=which), extends=["commands"], bundled=True)
    done = program("hello")
    assert (done.code, done.out, done.err) == (code, "", line)


def test_a_configuration_that_is_wrong_is_one_line_and_exits_with_1(program: Program) -> None:
    program.configure("[providers.gpu0]\ntype = 'none'\n")
    for command in (("plugins",), ("models",), ("config", "check"), ("config", "show"), ("doctor",)):
        done = program(*command)
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            "dinrail: providers.gpu0.type: no installed plugin has the provider type 'none' "
            "(there are: none is installed)\n"
        )


def test_a_configuration_that_is_wrong_does_not_keep_help_from_helping(program: Program) -> None:
    program.configure("this is no TOML")
    assert program("--help").code == 0
    assert program("config", "check").code == 1


# --- the configuration's place


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "FILE", "config", "show"],
        ["--config=FILE", "config", "show"],
        ["config", "--config", "FILE", "show"],
        ["config", "show", "--config", "FILE"],
        ["config", "show", "--config=FILE"],
        ["--data-dir", "elsewhere", "config", "--config", "FILE", "show"],
    ],
    ids=" ".join,
)
def test_the_configuration_may_be_named_before_or_behind_the_command(program: Program, arguments: list[str]) -> None:
    file = program.configure("[aliases]\nfound = 'it'\n", "other.toml")
    done = program(*(argument.replace("FILE", str(file)) for argument in arguments))
    assert done.code == 0
    assert 'found = "it"' in done.out
    assert ("elsewhere" in done.out) == ("elsewhere" in arguments)


@pytest.mark.parametrize("command", ["plugins", "models", "doctor"])
def test_every_command_takes_the_configuration_on_both_sides(program: Program, command: str) -> None:
    file = program.configure("nonsense = 1\n", "other.toml")
    for arguments in (["--config", str(file), command], [command, "--config", str(file)]):
        assert program(*arguments).err == "dinrail: nonsense: unknown key\n"


@pytest.mark.parametrize(
    "arguments", [("models", "pull", "x"), ("plugins", "freeze"), ("plugins", "bundle", "x")], ids=" ".join
)
def test_every_action_takes_the_configuration_behind_it(program: Program, arguments: tuple[str, ...]) -> None:
    assert program(*arguments, "--config", "x", "--data-dir", "y").code != 2


def test_a_command_with_an_option_of_its_own_of_that_name_still_learns_what_stood_before_it(
    program: Program,
) -> None:
    source = """
    def configure(parser):
        parser.add_argument("--config")

    def run(arguments):
        print(arguments.config)
        return 0

    @hookimpl
    def dinrail_commands():
        yield Command(name="hello", summary="Greet", configure=configure, run=run)
    """
    program.install("hello", source, extends=["commands"], bundled=True)
    program.configure("", "a.toml")
    program.configure("", "b.toml")
    assert program("--config", "a.toml", "hello").out == "a.toml\n"
    assert program("--config", "a.toml", "hello", "--config", "b.toml").out == "b.toml\n"
    assert program("hello").out == "None\n"


# --- commands of plugins


def test_a_plugins_command_runs(program: Program) -> None:
    program.install("hello", HELLO, extends=["commands"], bundled=True)
    done = program("hello", "World")
    assert (done.code, done.out, done.err) == (0, "Hello World\n", "")


def test_what_is_installed_is_read_once(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the metadata of some hundred packages is a tenth of what a start costs."""
    read: list[list[Installed]] = []

    def reading() -> list[Installed]:
        read.append(discover())
        return read[-1]

    monkeypatch.setattr("dinrail_core.host.plugins.discover", reading)
    program.install("hello", HELLO, extends=["commands"], bundled=True)
    done = program("config", "check")
    assert (done.code, done.err) == (0, "")
    assert [[plugin.name for plugin in found] for found in read] == [["hello"]]


def test_the_program_looks_for_no_plugins_of_pydantic(tmp_path: Path) -> None:
    """Each of them could see every request without anybody's consent."""
    script = (
        "import os, sys\n"
        "from dinrail_core.cli import main\n"
        "sys.argv = ['dinrail', 'config', 'check']\n"
        "main()\n"
        "from pydantic.plugin import _loader\n"
        "assert _loader._plugins is None, _loader._plugins\n"
        "assert not _loader.get_plugins()\n"
    )
    with _python(script, tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_a_command_outside_the_bundle_waits_for_the_operator(program: Program) -> None:
    program.install("hello", HELLO, extends=["commands"])
    assert program("hello", "World").code == 2
    assert not program.imported("hello")
    helped = program("--help").out
    assert "Without the commands of 'hello': it adds commands; to allow that: [plugins] enable" in helped
    program.configure("[plugins]\nenable = ['hello']\n")
    assert program("hello", "World").out == "Hello World\n"
    named = program.configure("[plugins]\nenable = ['hello']\n", "other.toml")
    program.configure("")
    assert program("--config", str(named), "hello", "World").out == "Hello World\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise SystemExit('bye')", "it cannot be imported (SystemExit: bye)"),
        (HELLO.replace('name="hello"', 'name="plugins"'), "the command 'plugins' is taken by dinrail-core"),
        (HELLO.replace('parser.add_argument("name")', "1 / 0"), "the command 'hello' cannot say what it takes (Zero"),
        (HELLO.replace('name="hello"', 'name="hello world"'), "whose name 'hello world' is not made of"),
        (
            HELLO.replace("    yield Command", "    raise LookupError('x')\n    yield Command"),
            "its hook dinrail_commands failed (LookupError",
        ),
    ],
)
def test_a_broken_command_is_missed_and_the_others_work(program: Program, source: str, reason: str) -> None:
    program.install("broken", source, extends=["commands"], bundled=True)
    done = program("--help")
    assert done.code == 0
    assert "Without the commands of 'broken':" in done.out
    assert reason in done.out
    assert program("plugins", "--installed").code == 0


def test_help_imports_only_plugins_that_add_commands(program: Program) -> None:
    program.install("echo", "")
    program.install("wide", "", extends=["routes", "services"], bundled=True)
    program.install("hello", HELLO, extends=["commands"], bundled=True)
    program("--help")
    assert [program.imported(name) for name in ("echo", "wide", "hello")] == [False, False, True]


# --- commands on the rail

COUNT = """
class Notes:
    def __init__(self, context):
        self.context = context

class Other:
    pass

class NotesConfig(Empty):
    start: int = 3

@asynccontextmanager
async def opening(config, context):
    print("opened", config.start, context.serving, context.data_dir)
    yield Notes(context)
    print("closed")

@asynccontextmanager
async def never(config, context):
    print("never")
    yield Other()

@hookimpl
def dinrail_services():
    yield ServiceType(name="notes", config=NotesConfig, provides=frozenset({Notes}), open=opening)
    yield ServiceType(
        name="other", config=Empty, provides=frozenset({Other}), open=never, eager=lambda config, context: True
    )

@hookimpl
def dinrail_providers():
    yield ProviderType(
        name="loud", config=Empty, apis=frozenset({Other}), open=never, detect=lambda environment: {}
    )

def configure(parser):
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up")
    actions.add_parser("down", aliases=["off"])

async def count(arguments, rail):
    notes = await rail.service(Notes)
    print("counted", arguments.action)
    return 4

@hookimpl
def dinrail_commands():
    yield Command(name="count", summary="Count", configure=configure, on_rail=count)
"""


def test_a_command_on_the_rail_opens_what_it_asks_for_and_nothing_else(program: Program, tmp_path: Path) -> None:
    program.install("count", COUNT, extends=["commands", "services"], bundled=True)
    program.configure("[services.notes]\nstart = 7\n")
    done = program("count", "up")
    assert (done.code, done.err) == (4, "")
    assert done.out == f"opened 7 False {tmp_path / 'data' / 'services' / 'notes'}\ncounted up\nclosed\n"


def test_a_command_that_serves_has_all_that_a_server_has(program: Program, tmp_path: Path) -> None:
    source = COUNT.replace("on_rail=count", "on_rail=count, serving=True").replace('print("never")', 'print("begun")')
    program.install("count", source, extends=["commands", "services"], bundled=True)
    done = program("count", "up")
    assert (done.code, done.err) == (4, "")
    assert sorted(done.out.splitlines()[:2]) == ["begun", "begun"]  # the provider and the eager service
    opened = f"opened 3 True {tmp_path / 'data' / 'services' / 'notes'}"
    assert done.out.splitlines()[2:] == [opened, "counted up", "closed"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "FILE", "--data-dir", "there", "count", "up"],
        ["count", "--config", "FILE", "up", "--data-dir=there"],
        ["count", "up", "--config", "FILE", "--data-dir", "there"],
        ["count", "off", "--config=FILE", "--data-dir", "there"],
    ],
    ids=" ".join,
)
def test_a_command_on_the_rail_takes_the_configuration_anywhere(program: Program, arguments: list[str]) -> None:
    program.install("count", COUNT, extends=["commands", "services"], bundled=True)
    file = program.configure("[services.notes]\nstart = 8\n", "other.toml")
    done = program(*(argument.replace("FILE", str(file)) for argument in arguments))
    assert done.code == 4
    assert "opened 8 False" in done.out
    assert "there/services/notes" in done.out


def test_a_command_on_the_rail_says_in_its_help_that_it_takes_the_configuration(program: Program) -> None:
    program.install("count", COUNT, extends=["commands", "services"], bundled=True)
    assert "--config FILE" in program("count", "--help").out


def test_a_service_that_a_command_needs_and_that_cannot_be_opened_is_one_line(program: Program) -> None:
    source = COUNT.replace('print("opened"', 'raise ConfigurationError("bad", key="a.b"); print("opened"')
    program.install("count", source, extends=["commands", "services"], bundled=True)
    done = program("count", "up")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "a.b: bad" in done.err


def test_a_configuration_that_is_wrong_stops_a_command_on_the_rail(program: Program) -> None:
    program.install("count", COUNT, extends=["commands", "services"], bundled=True)
    program.configure("[services.notes]\nstart = 'x'\n")
    done = program("count", "up")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("dinrail: services.notes.start: ")


# --- as a process


def _environment() -> dict[str, str]:
    # Unbuffered, argparse itself would see the broken pipe and keep it to itself.
    return {key: value for key, value in os.environ.items() if not key.startswith(("DINRAIL_", "PYTHONUNBUFFERED"))}


def _python(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        cwd=folder,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "--installed"]], ids=" ".join)
def test_a_reader_who_leaves_the_pipe_causes_no_noise(arguments: list[str], tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "dinrail_core.cli", *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
            cwd=tmp_path,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_closed_standard_output_is_no_crash(tmp_path: Path) -> None:
    done = subprocess.run(
        f'exec "{sys.executable}" -m dinrail_core.cli plugins --installed >&-',
        shell=True,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_exits_with_130_and_no_traceback(tmp_path: Path) -> None:
    script = (
        "import signal, sys, time\n"
        "from dinrail_core.cli import main, program\n"
        # A shell ignores the signal for what it runs in the background, and so may whoever runs the tests.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait(arguments):\n"
        "    print('waiting', flush=True)\n"
        "    time.sleep(60)\n"
        "program._run = wait\n"
        "sys.exit(main([]))\n"
    )
    with _python(script, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")


def test_help_imports_neither_a_server_nor_a_client(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from dinrail_core.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(sorted(name for name in sys.modules if '.' not in name), file=sys.stderr)\n"
    )
    with _python(script, tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    heavy = {
        "aiohttp",
        "uvloop",
        "numpy",
        "onnxruntime",
        "tokenizers",
        "openai",
        "httpx",
        "sqlalchemy",
        "prometheus_client",
    }
    assert process.returncode == 0
    assert "'dinrail_core'" in errors
    assert not [name for name in heavy if f"'{name}'" in errors]
