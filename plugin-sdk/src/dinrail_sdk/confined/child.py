"""The child's side: ``python -m dinrail_sdk.confined.child MODULE LIMITS`` does calls until its input ends.

A frame is four bytes of length (big-endian) and JSON. A call is ``{"function", "arguments", "cpu"}``, an answer
``{"result"}`` or ``{"fault": [code, message]}``. The module's own output goes to standard error, so that nothing that
it prints can be taken for an answer.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
from typing import Any, BinaryIO

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["main"]


def main(module_name: str, limits: dict[str, int]) -> None:
    """Do calls until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    calls = sys.stdin.buffer
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, limits["memory"])
    _limit(resource.RLIMIT_FSIZE, limits["file_size"])
    module = importlib.import_module(module_name)
    while (call := _read(calls)) is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + call["cpu"], soft_only=True)
        answer = json.dumps(_answer(module, call), ensure_ascii=False).encode("utf-8", "replace")
        answers.write(len(answer).to_bytes(4, "big") + answer)
        answers.flush()


def _answer(module: Any, call: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": getattr(module, call["function"])(**call["arguments"])}
    except ConfinedFault as fault:
        return {"fault": [fault.code, fault.message]}
    except MemoryError:
        return {"fault": ["limit_exceeded", "It needs more memory than is allowed."]}
    except Exception as error:  # whatever a library makes of garbage: the kind is told, the garbage is not
        return {"fault": ["failed", f"It cannot be read ({type(error).__name__})."]}


def _read(stream: BinaryIO) -> Any:
    head = stream.read(4)
    return json.loads(stream.read(int.from_bytes(head, "big"))) if len(head) == 4 else None


def _limit(kind: int, value: int, *, soft_only: bool = False) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, hard if soft_only else value))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
