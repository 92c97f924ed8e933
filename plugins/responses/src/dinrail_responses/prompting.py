"""Stored prompts in a request: their text with values in place of variables, images and documents beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.api.call import Call
from dinrail_core.api.prompts import Prompts, placeholders, substitute
from dinrail_core.errors import InvalidRequest, NotFound
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Json

__all__ = ["prompted"]


async def prompted(reference: Json, rail: Rail, call: Call) -> list[Json]:
    """What a prompt says, as items.

    Its text is a message of the system's. A chat has no images and documents there, so those stand in a message of the
    user's behind it, in the order of the variables, and the text calls them by their names.

    Args:
        reference: The request's ``prompt``, as JSON.
        rail: Where prompts are found.
        call: On whose behalf.

    Raises:
        InvalidRequest: A variable has no value, or a value no variable; ``param`` names it.
        NotFound: There is no such prompt or version.
    """
    prompts = await rail.service(Prompts)
    try:
        found = (await prompts.get(reference["id"], _version(reference.get("version")), call)).value
    except NotFound as error:
        raise NotFound(error.message, param="prompt.version" if error.param == "version" else "prompt.id") from None
    text = found.prompt or ""
    values: Mapping[str, Any] = reference.get("variables") or {}
    names = placeholders(text)
    for name in values:
        if name not in names:
            raise InvalidRequest(f"The prompt has no variable '{name}'.", param=f"prompt.variables.{name}")
    for name in names:
        if name not in values:
            raise InvalidRequest(f"The variable '{name}' has no value.", param=f"prompt.variables.{name}")
    said = {name: _text(name, values[name]) for name in names}
    media = [values[name] for name in names if _is_media(values[name])]
    items: list[Json] = [_message("system", [{"type": "input_text", "text": substitute(text, said)}])]
    if media:
        items.append(_message("user", [_whole(part) for part in media]))
    return items


def _version(given: str | None) -> int | None:
    if given is None:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 9 or int(given) < 1:
        raise InvalidRequest(f"'{given:.40}' is no version of a prompt.", param="prompt.version")
    return int(given)


def _is_media(value: Any) -> bool:
    return isinstance(value, dict) and value["type"] != "input_text"


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"[{name}]" if _is_media(value) else str(value["text"])


def _whole(part: Json) -> Json:
    return {"detail": "auto", **part} if part["type"] == "input_image" else part


def _message(role: str, content: list[Json]) -> Json:
    return {"type": "message", "id": "", "role": role, "status": "completed", "content": content}
