"""What the child does in these tests."""

from __future__ import annotations

import os
import sys
from typing import Any

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["crash", "eat", "echo", "fault", "hang", "noise", "raise_it", "spin"]


def echo(value: Any) -> Any:
    return {"value": value, "process": os.getpid()}


def fault() -> None:
    raise ConfinedFault("odd", "It is odd.")


def raise_it() -> None:
    raise ValueError("a secret")


def spin() -> None:
    while True:
        pass


def hang() -> None:
    import time

    time.sleep(600)


def eat() -> int:
    return len(bytearray(4 * 1024**3))


def crash() -> None:
    os.abort()


def noise() -> str:
    print("noise on standard output")
    sys.stdout.flush()
    return "quiet"
