"""Imports in interpreters that have imported nothing of ours yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

_SCRIPT = r"""
import importlib, json, os, sys, traceback

order = json.load(sys.stdin)
sys.path[:0] = order["path"]
for name in order["preload"]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
sys.stdout.flush()
for name in order["modules"]:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        before, fault = set(sys.modules), None
        try:
            importlib.import_module(name)
        except BaseException:
            fault = traceback.format_exc()
        new = sorted({module.partition(".")[0] for module in set(sys.modules) - before} - set(sys.stdlib_module_names))
        with open(write, "w") as answer:
            json.dump({"module": name, "fault": fault, "imported": new}, answer)
        os._exit(0)
    os.close(write)
    with open(read) as answer:
        print(answer.read(), flush=True)
    os.waitpid(child, 0)
"""


class Imported(dict[str, set[str]]):
    """What each module imported besides the standard library, as top-level names; ``faults`` are those that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, str] = {}


def import_each(modules: Iterable[str], *, preload: Iterable[str] = (), path: Iterable[Path] = ()) -> Imported:
    """Import every module in a process of its own, forked from one that has imported nothing of ours.

    Args:
        modules: The modules.
        preload: What is imported before; it saves time, and is not seen as imported.
        path: Folders to search first.
    """
    order = {"modules": sorted(modules), "preload": sorted(preload), "path": [str(folder) for folder in path]}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DINRAIL_")}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = Imported()
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        found[answer["module"]] = set(answer["imported"])
        if answer["fault"]:
            found.faults[answer["module"]] = answer["fault"]
    return found
