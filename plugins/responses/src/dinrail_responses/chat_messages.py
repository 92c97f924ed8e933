"""From items to the messages of a chat: pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from dinrail_core.api.chat.carried import CARRIED_BY
from dinrail_core.api.responses.owned import UNREADABLE, owner_of
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_responses.carrying import Load
from dinrail_responses.sealed import CARRIED, SEALED
from dinrail_responses.tools.functions import INPUT
from dinrail_responses.tools.interface import Exchange, Json, Told
from dinrail_responses.tools.naming import model_name

__all__ = ["Attached", "Scene", "as_messages", "tool_messages"]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that a part names, as a chat is told it: an image or a text.

    Attributes:
        url: An image, as a ``data:`` URL.
        text: What a document says.
        filename: What it is called, as far as the server knows.
    """

    url: str | None = None
    text: str | None = None
    filename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What items are understood by.

    Attributes:
        attached: Files by what names them: a ``file_id``, a ``file_url``, or inline ``file_data``.
        replayed: What an item of a tool that the server runs tells a model; ``None`` where it says nothing.
        unsealed: What an item's encrypted content says.
        all_thoughts: Thoughts of earlier turns are told too, and not those alone since the user last spoke.
    """

    attached: Mapping[str, Attached]
    replayed: Callable[[Json], Exchange | None]
    unsealed: Callable[[str], str]
    all_thoughts: bool = False

    def load(self, item: Json) -> Load | None:
        """What thoughts carry for their upstream; nothing where it is somebody else's, or sealed under another key."""
        content = item.get("encrypted_content") or ""
        if not content.startswith(CARRIED):
            return None
        try:
            return Load.of(self.unsealed(content.removeprefix(CARRIED)))
        except InvalidRequest:  # who shares a conversation with others cannot read what was sealed for them
            return None

    def summary(self, item: Json) -> str:
        """What is left of a history that this server has compacted.

        Raises:
            InvalidRequest: An upstream has compacted it, or somebody else.
        """
        sealed = item["encrypted_content"]
        if not sealed.startswith(SEALED):
            owner = owner_of(sealed)
            whose = f"The provider '{owner}'" if owner is not None else "Another server"
            raise InvalidRequest(
                f"{whose} has compacted the history and alone can read it; this model cannot.",
                param="input",
                code=UNREADABLE,
            )
        return f"Summary of what was said before:\n\n{self.unsealed(sealed)}"


def as_messages(items: Sequence[Json], scene: Scene) -> list[Json]:
    """The messages that say what the items say.

    Calls that stand side by side are one message, and each is followed by what came of it, as chats want it.

    Raises:
        InvalidRequest: A call has no output, or an output no call.
        UnsupportedFeature: A chat has no words for an item.
    """
    return _Writer(items, scene).written()


def tool_messages(call_id: str, told: Told, scene: Scene) -> list[Json]:
    """What a chat is told of a call: text, and images in a message of their own, since a tool's has none."""
    if isinstance(told, str):
        return [{"role": "tool", "tool_call_id": call_id, "content": told}]
    parts = [_part(part, scene) for part in told]
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    images = [part for part in parts if part["type"] != "text"]
    messages: list[Json] = [{"role": "tool", "tool_call_id": call_id, "content": text or "The image follows."}]
    if images:
        messages.append({"role": "user", "content": images})
    return messages


class _Writer:
    def __init__(self, items: Sequence[Json], scene: Scene) -> None:
        self._items = items
        self._scene = scene
        self._messages: list[Json] = []
        self._calls: list[Json] = []
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._load: Load | None = None
        self._outputs: dict[str, deque[Told]] = defaultdict(deque)
        self._answered: set[str] = set()
        self._known: set[str] = set()

    def written(self) -> list[Json]:
        for item in self._items:
            if item["type"] in _OUTPUTS and item.get("call_id"):
                self._outputs[item["call_id"]].append(item["output"])
        last_user = max((n for n, item in enumerate(self._items) if item.get("role") == "user"), default=-1)
        for number, item in enumerate(self._items):
            self._item(item, thoughts=self._scene.all_thoughts or number > last_user)
        self._flush()
        return self._messages

    def _item(self, item: Json, *, thoughts: bool) -> None:
        kind = item["type"]
        if kind == "message":
            self._message(item)
        elif kind in _CALLS:
            self._call(item)
        elif kind in _OUTPUTS:
            self._flush()
            if item.get("call_id") not in self._known:
                raise InvalidRequest(
                    f"No tool call found for the output with call_id {item.get('call_id')}.", param="input"
                )
        elif kind == "reasoning":
            load = self._scene.load(item)
            if load is not None:
                if not load.behind:
                    self._flush()
                self._load = load
            if thoughts:
                self._thoughts += self._thought(item, load)
        elif kind == "compaction":
            self._flush()
            self._messages.append({"role": "user", "content": self._scene.summary(item)})
        elif kind == "additional_tools":
            return
        else:
            self._other(item)

    def _message(self, item: Json) -> None:
        role = item["role"]
        if role == "assistant":
            if self._calls or self._text:
                self._flush()
            self._text.append("".join(_spoken(part, role) for part in item["content"]))
            return
        self._flush()
        if role in ("system", "developer"):
            self._instruct("\n".join(_spoken(part, role) for part in item["content"]), item["content"])
            return
        parts = [_part(part, self._scene) for part in item["content"]]
        if not parts or (len(parts) == 1 and parts[0].keys() == {"type", "text"}):
            self._messages.append({"role": "user", "content": parts[0]["text"] if parts else ""})
        else:
            self._messages.append({"role": "user", "content": parts})

    def _instruct(self, text: str, parts: Sequence[Json]) -> None:
        """Instructions side by side are one message, since many chat templates take one, at the beginning."""
        told: str | list[Json] = text
        if any(part.get(_CACHED) for part in parts):
            told = [_part(part, self._scene) for part in parts]
        before = self._messages[-1] if self._messages else {}
        if before.get("role") != "system":
            self._messages.append({"role": "system", "content": told})
        elif isinstance(told, str) and isinstance(before["content"], str):
            before["content"] += f"\n\n{told}"
        else:
            before["content"] = [*_as_parts(before["content"]), *_as_parts(told)]

    def _thought(self, item: Json, load: Load | None) -> Iterable[str]:
        """What a model thought; thoughts that another server has encrypted say nothing here."""
        parts = item.get("content") or item.get("summary")
        if parts:
            return [part["text"] for part in parts]
        if load is not None:
            return [load.text] if load.text else ()
        sealed = item.get("encrypted_content") or ""
        return [self._scene.unsealed(sealed)] if sealed.startswith(SEALED) else ()

    def _call(self, item: Json) -> None:
        arguments = item["arguments"] if item["type"] == "function_call" else to_json({INPUT: item["input"]}).decode()
        self._called(item["call_id"], model_name(item["name"], item.get("namespace")), arguments)

    def _called(self, call_id: str, name: str, arguments: str) -> None:
        self._known.add(call_id)
        self._calls.append({"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}})

    def _other(self, item: Json) -> None:
        exchange = self._scene.replayed(item)
        if exchange is None:
            return
        self._called(exchange.call.id, model_name(exchange.call.name), exchange.call.arguments)
        self._outputs[exchange.call.id].append(exchange.told)

    def _flush(self) -> None:
        """The assistant's turn is over: what it said, what it called, and what came of each call."""
        load, self._load = self._load, None
        if not self._text and not self._calls:
            return
        message: Json = {"role": "assistant", "content": "\n".join(self._text) or None}
        if self._calls:
            more = load.calls if load is not None else {}
            message["tool_calls"] = [{**more.get(call["id"], {}), **call} for call in self._calls]
            if self._thoughts:
                message["reasoning_content"] = "\n".join(self._thoughts)
        elif message["content"] is None:
            message["content"] = ""
        if load is not None:
            message |= {**load.fields, CARRIED_BY: load.owner}
        self._messages.append(message)
        images: list[Json] = []
        for call in self._calls:
            outputs = self._outputs[call["id"]]
            if not outputs:
                raise InvalidRequest(f"No tool output found for the call with call_id {call['id']}.", param="input")
            answer, *rest = tool_messages(call["id"], outputs.popleft(), self._scene)
            self._messages.append(answer)
            images += rest
        self._messages += images
        self._text, self._calls, self._thoughts = [], [], []


_CALLS = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


_CACHED = "prompt_cache_breakpoint"
"""The mark of a part up to which the upstream is to keep what it has read."""


def _as_parts(told: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": told}] if isinstance(told, str) else told


def _spoken(part: Json, role: str) -> str:
    """The text of a part of a message that in a chat has text alone."""
    text: str | None = part.get("refusal", part.get("text"))
    if text is None:
        raise UnsupportedFeature(
            f"This model cannot be told of content of the type '{part['type']}' in a message of the role '{role}'.",
            param="input",
        )
    return text


def _part(part: Json, scene: Scene) -> Json:
    told = _told(part, scene)
    return {**told, _CACHED: part[_CACHED]} if part.get(_CACHED) else told


def _told(part: Json, scene: Scene) -> Json:
    kind = part["type"]
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": part["text"]}
    if kind == "input_image":
        return _image(part, scene)
    if kind == "input_file":
        return _file(part, scene)
    if kind == "refusal":
        return {"type": "text", "text": part["refusal"]}
    raise UnsupportedFeature(f"This model cannot be told of content of the type '{kind}'.", param="input")


def _image(part: Json, scene: Scene) -> Json:
    url = part.get("image_url") or None
    if url is None and part.get("file_id"):
        url = scene.attached[part["file_id"]].url
    if url is None:
        raise InvalidRequest("An image needs an 'image_url' or a 'file_id' of an image.", param="input")
    detail = part.get("detail") or "auto"
    return {"type": "image_url", "image_url": {"url": url, "detail": "high" if detail == "original" else detail}}


def _file(part: Json, scene: Scene) -> Json:
    key = next((part[name] for name in ("file_id", "file_data", "file_url") if part.get(name)), None)
    if key is None:
        raise InvalidRequest("A file needs a 'file_id', 'file_data' or 'file_url'.", param="input")
    found = scene.attached[key]
    if found.url is not None:
        return {"type": "image_url", "image_url": {"url": found.url}}
    name = part.get("filename") or found.filename or "file"
    return {"type": "text", "text": f"[{name}]\n{found.text}"}
