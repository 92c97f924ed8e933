"""What `dinrail serve` prints once it listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from dinrail_core import __version__
from dinrail_core.api.models import Model
from dinrail_core.api.wire import MISSING
from dinrail_core.hooks.context import Rail

__all__ = ["first_line", "overview"]

_PATIENCE = 2.5
_SHOWN = 8


def first_line(url: str) -> str:
    """Where the server is; programs wait for this line."""
    return f"Dinrail {__version__} listening on {url}"


async def overview(rail: Rail, url: str) -> str:
    """The plugins and models that are there, and a command that works when pasted.

    Args:
        rail: What is on the rail.
        url: Where the server is.
    """
    models = await _models(rail)
    lines = [f"  plugins    {', '.join(f'{p.id} {p.version}' for p in rail.plugins() if p.state == 'enabled')}"]
    lines += [
        f"  {'set aside' if p.state == 'failed' else 'off':<9}  {p.id} ({p.distribution}): {p.reason}"
        for p in rail.plugins()
        if p.state in ("failed", "off")
    ]
    lines += [f"  models     {line}" if n == 0 else f"             {line}" for n, line in enumerate(_names(models))]
    if not models:
        lines.append("  models     none yet; they appear here by themselves. To fetch one: dinrail models pull smollm2")
    lines += [f"  waiting    {line}" for line in await _waiting(rail)]
    chat = next((model.id for model in models if model.apis is not MISSING and "ChatModel" in model.apis), None)
    if chat is not None:
        lines.append(f"  try it     {_curl(url, chat)}")
    return "\n".join(lines)


async def _models(rail: Rail) -> Sequence[Model]:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await rail.models()
    except TimeoutError:
        return ()


async def _waiting(rail: Rail) -> list[str]:
    try:
        async with asyncio.timeout(_PATIENCE):
            statuses = await rail.providers()
    except TimeoutError:
        return []
    return [
        f"{status.id}: {status.reason}; its models appear when it answers"
        for status in statuses
        if status.status in ("unreachable", "degraded")
    ]


def _names(models: Sequence[Model]) -> list[str]:
    shown = [model.id for model in models[:_SHOWN]]
    if len(models) > _SHOWN:
        shown.append(f"and {len(models) - _SHOWN} more: GET /v1/models")
    return shown


def _curl(url: str, model: str) -> str:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})
    quoted = body.replace("'", "'\\''")
    return f"curl {url}/chat/completions -H 'content-type: application/json' -d '{quoted}'"
