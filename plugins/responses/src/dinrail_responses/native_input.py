"""From kept items to the input of an upstream that speaks the Responses API itself: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pydantic_core import to_json

from dinrail_core.api.responses.owned import owned
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_responses.attachments import Blob
from dinrail_responses.chat_messages import Scene
from dinrail_responses.hosted import names_something
from dinrail_responses.sealed import SEALED, is_ours
from dinrail_responses.tools.functions import INPUT
from dinrail_responses.tools.interface import Exchange, Json, Told
from dinrail_responses.tools.naming import model_name

__all__ = ["NativeScene", "as_input", "exchanged", "marked", "said_again", "thought"]

_CALLS = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


_ATTACHED = {"input_image": ("image_url", "file_id"), "input_file": ("file_id", "file_data", "file_url")}
"""What a part may be made of."""


class NativeScene:
    """What items are understood by.

    Args:
        scene: The same for chats.
        files: Uploaded files by their ids.
        hosted: Whether items of a type are the upstream's own.
        plain: See :attr:`NativeResponses.plain`.
    """

    def __init__(
        self, scene: Scene, files: Mapping[str, Blob], hosted: Callable[[str], bool], *, plain: bool = False
    ) -> None:
        self.scene = scene
        self.hosted = hosted
        self.plain = plain
        self._files = files

    def part(self, part: Json) -> Json:
        """A part with the bytes of an uploaded file in place of its id, which the upstream does not know."""
        kind = part["type"]
        if kind == "output_text":
            return {"type": kind, "text": part["text"], "annotations": []}
        if kind not in _ATTACHED:
            return part
        if not any(part.get(name) for name in _ATTACHED[kind]):
            raise InvalidRequest(f"A part '{kind}' needs one of {', '.join(_ATTACHED[kind])}.", param="input")
        if not part.get("file_id"):
            return part
        blob = self._files[part["file_id"]]
        rest = {name: value for name, value in part.items() if name != "file_id"}
        if kind == "input_file":
            if not blob.media_type.startswith("image/"):
                return {"filename": blob.filename, **rest, "file_data": blob.url}
            return {"type": "input_image", "image_url": blob.url, "detail": "auto"}
        if not blob.media_type.startswith("image/"):
            raise InvalidRequest("An image needs an 'image_url' or a 'file_id' of an image.", param="input")
        return {**rest, "image_url": blob.url}


def as_input(items: Sequence[Json], scene: NativeScene) -> list[Json]:
    """The items as the upstream is told them: nothing in them refers to what is kept here, or there.

    Thoughts without encrypted content are told as chats are told them: those since the user last spoke, unless all are
    wanted. Encrypted content still bears the name of its owner (:mod:`dinrail_core.api.responses.owned`); what this
    server has sealed is no upstream's.
    """
    last_user = max((n for n, item in enumerate(items) if item.get("role") == "user"), default=-1)
    found: list[Json] = []
    for number, item in enumerate(items):
        found += _item(item, scene, thoughts=scene.scene.all_thoughts or number > last_user)
    return found


def exchanged(exchange: Exchange, scene: NativeScene, *, called: bool = False) -> list[Json]:
    """A call and what came of it.

    Args:
        exchange: Both.
        scene: What items are understood by.
        called: The upstream has made the call itself, so that it has been told already.
    """
    call = exchange.call
    output = {"type": "function_call_output", "call_id": call.id, "output": _told(exchange.told, scene)}
    if called:
        return [output]
    name = model_name(call.name)
    return [{"type": "function_call", "call_id": call.id, "name": name, "arguments": call.arguments}, output]


def said_again(output: Sequence[Json], owner: str) -> list[Json]:
    """What the upstream has just put out, as it is told so with the next question: as it came, so that nothing is lost.

    Thoughts go along where they can be understood without what the upstream keeps.

    Args:
        output: Its items.
        owner: The instance that has put them out.
    """
    found: list[Json] = []
    for item in output:
        if item["type"] == "reasoning":
            found += [marked(told, owner) for told in _reasoning(item, thoughts=True)]
        elif item["type"] == "compaction":
            found.append(marked(item, owner))
        elif item["type"] in _CALLS:
            found.append({name: value for name, value in item.items() if name not in ("id", "status")})
        else:
            found.append(item)
    return found


def marked(item: Json, owner: str) -> Json:
    """An item whose encrypted content, if it has any, bears the name of the instance that can read it."""
    sealed = item.get("encrypted_content")
    return {**item, "encrypted_content": owned(sealed, owner)} if sealed else item


def _item(item: Json, scene: NativeScene, *, thoughts: bool) -> list[Json]:
    kind = item["type"]
    if kind == "message":
        return [_message(item, scene)]
    if kind in _CALLS:
        return [_call(item, plain=scene.plain)]
    if kind in _OUTPUTS:
        kind = "function_call_output" if scene.plain else kind
        return [{"type": kind, "call_id": item.get("call_id"), "output": _told(item["output"], scene)}]
    if kind == "reasoning":
        return _plain_reasoning(item, thoughts=thoughts) if scene.plain else _reasoning(item, thoughts=thoughts)
    if kind == "compaction" and (scene.plain or item["encrypted_content"].startswith(SEALED)):
        told = scene.scene.summary(item)
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": told}]}]
    if kind == "compaction":
        return [item]
    if scene.hosted(kind) and not scene.plain:
        if names_something(item):
            raise UnsupportedFeature(
                f"An item '{kind}' for the model's server must not name containers or files.", param="input"
            )
        return [item]
    if kind == "additional_tools":
        return []
    exchange = scene.scene.replayed(item)
    return [] if exchange is None else exchanged(exchange, scene)


def _message(item: Json, scene: NativeScene) -> Json:
    content = [scene.part(part) for part in item["content"]]
    if item["role"] == "assistant" and scene.plain:  # such servers read the first part of it
        said = "".join(part.get("refusal") or part.get("text") or "" for part in content)
        return {**item, "status": "completed", "content": [{"type": "output_text", "text": said, "annotations": []}]}
    if item["role"] == "assistant":
        return {**item, "content": content}
    return {"type": "message", "role": item["role"], "content": content}


def _reasoning(item: Json, *, thoughts: bool) -> list[Json]:
    told: Json = {"type": "reasoning", "id": item["id"], "summary": item.get("summary") or []}
    sealed = item.get("encrypted_content") or ""
    if sealed and not is_ours(sealed):
        return [{**told, "encrypted_content": sealed}]
    if thoughts and item.get("content"):
        return [{**told, "content": item["content"]}]
    return []


def _plain_reasoning(item: Json, *, thoughts: bool) -> list[Json]:
    """Thoughts in the open, as one text."""
    said = thought(item)
    if not thoughts or not said:
        return []
    told = {"type": "reasoning", "id": item["id"], "summary": []}
    return [{**told, "content": [{"type": "reasoning_text", "text": said}]}]


def thought(item: Json) -> str:
    """What an item says that a model thought, in the open."""
    return "\n".join(part["text"] for part in item.get("content") or item.get("summary") or ())


def _call(item: Json, *, plain: bool) -> Json:
    name = model_name(item["name"], item.get("namespace"))
    told: Json = {"type": item["type"], "call_id": item["call_id"], "name": name}
    if item["type"] == "function_call":
        return {**told, "arguments": item["arguments"]}
    if plain:
        return {**told, "type": "function_call", "arguments": to_json({INPUT: item["input"]}).decode()}
    return {**told, "input": item["input"]}


def _told(told: Told, scene: NativeScene) -> Told:
    return told if isinstance(told, str) else [scene.part(part) for part in told]
