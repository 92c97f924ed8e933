"""What code can reach, and what it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

import dinrail_code_interpreter.jail
from dinrail_code_interpreter.sandbox import Limits, Ran, Sandbox
from dinrail_core.errors import Unavailable

LIMITS = Limits(seconds=20.0, memory=2**30, folder=4 * 2**20, processes=32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


async def logs(sandbox: Sandbox, folder: Path, code: str) -> str:
    return (await sandbox.run(folder, code, LIMITS)).logs


async def test_output_errors_and_the_last_value_are_shown_in_order(sandbox: Sandbox, folder: Path) -> None:
    code = "import sys\nprint('one')\nprint('two', file=sys.stderr)\nvalue = [1, 'ü🌍']\nvalue"
    assert await sandbox.run(folder, code, LIMITS) == Ran("one\ntwo\n[1, 'ü🌍']\n", (), ended=True)
    ran = await sandbox.run(folder, "print('before')\n1/0", LIMITS)
    assert ran.ended
    assert ran.logs.startswith("before\nTraceback (most recent call last):\n")
    assert ran.logs.endswith('  File "<code>", line 2, in <module>\nZeroDivisionError: division by zero\n')
    assert "SyntaxError" in await logs(sandbox, folder, "def f(:")
    assert await logs(sandbox, folder, "import sys; sys.exit(3)") == ""
    assert await logs(sandbox, folder, "") == ""


async def test_how_code_has_ended_is_said_where_python_does_not(sandbox: Sandbox, folder: Path) -> None:
    ran = await sandbox.run(folder, "import os\nprint('before', flush=True)\nos._exit(3)", LIMITS)
    assert (ran.logs, ran.ended) == ("before\n\nThe code ended with exit status 3.", False)
    ran = await sandbox.run(folder, "import ctypes\nctypes.string_at(0)", LIMITS)
    assert (ran.logs, ran.ended) == ("The code was ended by signal 11.", False)


async def test_files_stay_in_the_folder_from_run_to_run(sandbox: Sandbox, folder: Path) -> None:
    (folder / "given.txt").write_text("given")
    assert await logs(sandbox, folder, "open('made.txt', 'w').write('made'); open('/mnt/data/given.txt').read()") == (
        "'given'\n"
    )
    assert (folder / "made.txt").read_text() == "made"
    assert await logs(sandbox, folder, "open('made.txt').read()") == "'made'\n"


async def test_no_network_is_reached_not_even_this_machine(sandbox: Sandbox, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        code = f"""
import socket
for host in ("127.0.0.1", "1.1.1.1", "::1"):
    try:
        socket.create_connection((host, {port}), 2)
    except OSError as error:
        print("no")
print([name for _, name in socket.if_nameindex()])
"""
        assert await logs(sandbox, folder, code) == "no\nno\nno\n['lo']\n"


async def test_nothing_of_this_machine_is_there(
    sandbox: Sandbox, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ours")
    seen = await logs(sandbox, folder, "import os; sorted(os.environ), os.listdir('/etc'), os.listdir('/mnt/data')")
    assert "OPENAI_API_KEY" not in seen
    assert "shadow" not in seen
    code = f"""
import os
for path in ({str(tmp_path / "secret")!r}, "/etc/shadow", "/proc/1/root/etc/shadow", "/var", "/home"):
    print(os.path.exists(path))
print([p for p in os.listdir("/proc") if p.isdigit()], os.getpid(), os.getuid(), os.getgroups())
"""
    assert await logs(sandbox, folder, code) == "False\n" * 5 + "['1'] 1 1000 []\n"


@pytest.mark.parametrize(
    "code",
    [
        "open('/usr/bin/x', 'w')",
        "open('/x', 'w')",
        "open('/etc/passwd', 'w')",
        "import os, sys; open(os.path.join(sys.prefix, 'x'), 'w')",
        "import os; os.setuid(0)",
        "import os; os.chroot('/tmp')",
        "import os; os.mknod('/tmp/disk', 0o60666, os.makedev(8, 0))",
        "open('/proc/sys/user/max_user_namespaces', 'w')",
        "open('/proc/sys/kernel/hostname', 'w').write('x')",
        "import socket; socket.sethostname('x')",
        "import ctypes, os; r = ctypes.CDLL(None, use_errno=True).unshare(0x10000000); assert r == 0",
        "import ctypes; r = ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, b''); assert r == 0",
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    ],
)
async def test_code_has_no_rights(sandbox: Sandbox, folder: Path, code: str) -> None:
    shown = await logs(sandbox, folder, code)
    assert shown.rstrip().splitlines()[-1].startswith(("PermissionError", "OSError", "AssertionError", "ValueError")), (
        shown
    )


async def test_time_memory_processes_and_room_are_bounded(sandbox: Sandbox, folder: Path) -> None:
    began = time.monotonic()
    ran = await sandbox.run(folder, "print('begun', flush=True)\nwhile True: pass", Limits(1.0, 2**30, 2**20, 32))
    assert not ran.ended
    assert ran.logs == "begun\n\nThe code was ended after 1 seconds."
    assert time.monotonic() - began < 15
    assert (await logs(sandbox, folder, "x = 'x' * 2**31")).endswith("MemoryError\n")
    assert "BlockingIOError" in await logs(sandbox, folder, "import os\nfor _ in range(100): os.fork()")
    ran = await sandbox.run(folder, "open('big', 'wb').write(b'x' * 2**23)", LIMITS)
    assert "File too large" in ran.logs
    code = "import time\nfor n in range(9): open(f'f{n}', 'wb').write(b'x' * 2**20)\ntime.sleep(15)"
    ran = await sandbox.run(folder, code, LIMITS)
    assert not ran.ended
    assert "no room" in ran.logs


async def test_output_without_end_is_cut(sandbox: Sandbox, folder: Path) -> None:
    shown = await logs(sandbox, folder, "print('x' * 3_000_000)")
    assert len(shown) < 2**20 + 100
    assert shown.endswith("[What follows is left out.]")


async def test_what_code_leaves_running_ends_with_it(sandbox: Sandbox, folder: Path) -> None:
    mark = f"{os.getpid()}.25"
    await logs(sandbox, folder, f"import subprocess; subprocess.Popen(['sleep', '{mark}'], start_new_session=True)")
    assert _running(mark) == 0
    running = asyncio.ensure_future(
        sandbox.run(folder, f"import subprocess; subprocess.run(['sleep', '{mark}'])", LIMITS)
    )
    async with asyncio.timeout(15):
        while not _running(mark):
            await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with asyncio.timeout(5):
        while _running(mark):
            await asyncio.sleep(0.02)


async def test_where_the_isolation_cannot_be_had_nothing_runs(tmp_path: Path, folder: Path) -> None:
    sandbox = Sandbox(tmp_path / "no-such-python")
    with pytest.raises((Unavailable, OSError)):
        await sandbox.check(folder)
    sandbox = Sandbox(Path("/usr/bin/env"))
    sandbox._read_only = ["/usr"]
    with pytest.raises(Unavailable, match="cannot be run here"):
        await sandbox.run(folder, "print(1)", LIMITS)


def _running(mark: str) -> int:
    count = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += file.read_bytes().split(b"\0")[:2] == [b"sleep", mark.encode()]
        except OSError:
            continue
    return count


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root runs every test of this file as somebody else")
async def test_the_jail_is_the_same_for_a_server_that_is_not_root(sandbox: Sandbox) -> None:
    python = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(path)), None)
    if python is None:
        pytest.skip("THE JAIL IS NOT TESTED AS NOBODY: there is no interpreter that nobody could start")
    code = "import os, socket\nprint(os.getuid(), os.listdir('/mnt'), socket.if_nameindex()[0][1])\nopen('/usr/x', 'w')"
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = Path(place, "folder")
        folder.mkdir()
        os.chown(folder, 65_534, 65_534)
        sandbox._python = Path(python)
        jail = Path(dinrail_code_interpreter.jail.__file__).read_text()
        wanted = sandbox._wanted(folder, LIMITS) | {"read_only": ["/usr", "/bin", "/lib", "/lib64"]}
        process = await asyncio.create_subprocess_exec(
            *(python, "-I", "-c", jail, json.dumps(wanted)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            user=65_534,
            group=65_534,
            extra_groups=[],
        )
        said, errors = await process.communicate(code.encode())
    assert process.returncode == 1, errors
    assert said.startswith(b"1000 ['data'] lo\n")
    assert b"Read-only file system" in said
