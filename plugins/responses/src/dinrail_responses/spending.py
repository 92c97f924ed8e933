"""What questions to models take, noted for whoever counts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from dinrail_core.api.call import Call, Expense
from dinrail_core.hooks.context import Target
from dinrail_responses.tools.interface import Json

__all__ = ["Bill"]

_MODEL = "x-dinrail-model"
"""The header by which a model of several says which of them has answered."""

_BYTES_PER_TOKEN = 4


class Bill:
    """What one question takes: what the upstream says, or an estimate where it says nothing or is left before its end.

    Args:
        call: On whose behalf.
        target: Who is asked.
        said: What it is told, as JSON.
    """

    __slots__ = ("_call", "_expense", "_said", "_target")

    def __init__(self, call: Call, target: Target[Any], said: object) -> None:
        self._call = call
        self._target = target
        self._said = said
        self._expense: Expense | None = None

    def open(self, headers: Mapping[str, str]) -> None:
        """The upstream has accepted the question; from now on it costs."""
        if self._call.expenses is None:
            return
        target = self._target
        model = headers.get(_MODEL) or f"{target.instance}/{target.model}"
        self._expense = Expense(target.instance, model)
        self._call.expenses.append(self._expense)

    def hear(self, tokens: int = 1) -> None:
        """More of the answer has come; an event of a stream is about a token."""
        if self._expense is not None:
            self._expense.output += tokens

    def settle(self, usage: Json | None) -> None:
        """Nothing follows."""
        expense = self._expense
        if expense is None:
            return
        if not usage:
            expense.input = len(to_json(self._said)) // _BYTES_PER_TOKEN
            return
        expense.input = usage.get("input_tokens") or usage.get("prompt_tokens") or 0
        expense.output = usage.get("output_tokens") or usage.get("completion_tokens") or 0
        expense.estimated = False
