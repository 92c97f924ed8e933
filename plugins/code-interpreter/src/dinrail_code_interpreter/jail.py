"""A program that runs another with nothing around it: started by the service, never imported by it.

It is given a JSON object as its one argument (see :class:`~dinrail_code_interpreter.sandbox.Sandbox`) and uses the
standard library alone. What it puts around the other program, by Linux's namespaces:

- a network without any interface that is up; no host is reached, this machine included,
- a file system of its own in memory: programs and libraries read-only, the container's folder, ``/tmp``; nothing else
  of this machine is there,
- processes, IPC and a host name of its own: it sees and reaches no process but those that it starts, and all of them
  end with it,
- a user without any rights, who cannot become another, and who cannot make namespaces in turn,
- limits of memory, time, file sizes, processes and open files.

It exits with 125 where any of that cannot be had, with the reason as the last line of its standard error, and the
program is not run.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

__all__ = ["main"]

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_NOBODY = 65_534
_INSIDE = 1_000

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    names = [os.fsencode(value) if value is not None else None for value in (source, target, kind)]
    _check(_libc.mount(*names, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def _set_attributes(target: str, attributes: int, *, recursive: bool = True) -> None:
    """``mount_setattr`` (Linux 5.12): it covers what is mounted below, which remounting does not."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    done = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), ctypes.c_uint(flags), ctypes.byref(wanted), ctypes.c_size_t(32)
    )
    _check(done, f"mount_setattr {target}")


def _write(path: str, text: str) -> None:
    """Without a codec: who is nobody may not be able to import one."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _map(user: int, group: int) -> None:
    """The one user that there is inside a user namespace."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_INSIDE} {user} 1")
    _write("/proc/self/gid_map", f"{_INSIDE} {group} 1")


def _leave(*, is_root: bool) -> None:
    """Into namespaces of our own. Root builds them as root, and becomes nobody before anything runs."""
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS | _CLONE_NEWPID
    _check(_libc.unshare(flags if is_root else flags | _CLONE_NEWUSER), "unshare (are user namespaces allowed?)")
    if not is_root:
        _map(user, group)


def _become_nobody() -> None:
    """Root gives up all that it is, and goes into a user namespace like anybody else."""
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")
    _check(_libc.unshare(_CLONE_NEWUSER), "unshare (are user namespaces allowed?)")
    _map(_NOBODY, _NOBODY)


def _build(wanted: dict[str, Any]) -> None:
    """The file system; afterwards it is all that there is."""
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    root = next(path for path in ("/sys", "/srv", "/opt", "/mnt") if os.path.isdir(path))
    _mount("tmpfs", root, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
    for path in wanted["read_only"]:
        inside = root + path
        if os.path.islink(path):
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            if not os.path.lexists(inside):
                os.symlink(os.readlink(path), inside)
            continue
        if os.path.isdir(path):
            os.makedirs(inside, exist_ok=True)
        elif os.path.exists(path):
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            os.close(os.open(inside, os.O_CREAT | os.O_WRONLY, 0o644))
        else:
            continue
        _mount(path, inside, None, _MS_BIND | _MS_REC)
        _set_attributes(inside, _ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV)
    os.makedirs(f"{root}/dev", exist_ok=True)
    for name in ("null", "zero", "urandom", "random"):
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(f"/dev/{name}", f"{root}/dev/{name}", None, _MS_BIND)
    for name in ("etc", "proc", "tmp", "mnt/data"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    _write(f"{root}/etc/passwd", f"user:x:{_INSIDE}:{_INSIDE}::/mnt/data:/bin/sh\n")
    scratch = f"{root}/tmp"  # noqa: S108  # it is made here, for this program alone
    _mount("tmpfs", scratch, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={wanted['scratch']},mode=1777")
    _mount(wanted["folder"], f"{root}/mnt/data", None, _MS_BIND)
    _set_attributes(f"{root}/mnt/data", _ATTR_NOSUID | _ATTR_NODEV)
    # While the old one can still be seen: who is not root may not mount one otherwise.
    _mount("proc", f"{root}/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    os.chdir(root)
    _check(_libc.syscall(_PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")


def _confine(wanted: dict[str, Any], *, is_root: bool) -> None:
    """What holds for the first process inside, and for all that come of it."""
    _set_attributes("/", _ATTR_RDONLY, recursive=False)
    _check(_libc.sethostname(b"container", 9), "sethostname")
    os.chdir("/mnt/data")
    if is_root:
        _become_nobody()
    _write("/proc/sys/user/max_user_namespaces", "0")
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    for name, limit in wanted["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def main() -> None:
    """Set everything up, run the program, and exit as it does."""
    wanted = json.loads(sys.argv[1])
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a server that is killed leaves nothing running
    try:
        is_root = os.geteuid() == 0
        _leave(is_root=is_root)
    except Exception as error:  # whatever it is, the program is not run
        os.write(2, f"{error}\n".encode())
        os._exit(125)
    child = os.fork()  # the first process of the new namespace, as the file system of processes wants it
    if child == 0:
        try:
            _build(wanted)
            _confine(wanted, is_root=is_root)
            os.closerange(4, 4_096)
            os.execve(wanted["program"][0], wanted["program"], wanted["environment"])  # noqa: S606  # this is what it is for
        except Exception as error:  # likewise
            os.write(2, f"{error}\n".encode())
        os._exit(125)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
