"""From what a chat model says to items and events: pure, so the same whatever the pieces are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dinrail_core.api.chat.carried import CARRIED_BY
from dinrail_core.errors import UpstreamInvalid
from dinrail_responses.carrying import Carried, Load, more_of_call
from dinrail_responses.citations import Citations
from dinrail_responses.odds import odds_of
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.functions import custom_input
from dinrail_responses.tools.interface import Json, ModelCall, Offer
from dinrail_responses.writers import CallWriter, MessageWriter, NewId, ReasoningWriter

__all__ = ["ChatReducer", "Manner", "Step", "as_chunk", "usable_call_id"]

_INCOMPLETE = {
    "length": "max_output_tokens",
    "model_length": "max_output_tokens",
    "model_context_window_exceeded": "max_output_tokens",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "repetition": "repetition",
}
"""Why an answer was cut short, by OpenAI's reasons to finish, Mistral's, Z.ai's and vLLM's.

Any other name is taken for an end: servers have many for that, such as ``eos_token`` and ``stop_sequence``. What an
upstream tells as a failure has become an error before it comes here.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How what the model says is told.

    Attributes:
        offers: What the model may call, by the names that it knows.
        citations: Marks to be taken out of its text.
        summary: A summary of its thoughts was asked for.
        logprobs: Log-probabilities were asked for.
        seal: Makes encrypted content, where that was asked for.
        carry: Seals what is carried from turn to turn.
        new_id: Makes the ids of items.
    """

    offers: Mapping[str, Offer]
    new_id: NewId
    citations: Citations = field(default_factory=Citations)
    summary: bool = False
    logprobs: bool = False
    seal: Callable[[str], str] | None = None
    carry: Callable[[str], str] | None = None


@dataclass(slots=True, kw_only=True)
class Step:
    """What came of asking the model once.

    Attributes:
        calls: What it wants the server to run, by the names that it knows; names that it made up too.
        waits: Whether the caller has to run something.
        reason: Why it was cut short.
        usage: What it took, as the upstream says it.
        said: The message by which a chat goes on from here.
        service_tier: The tier that really answered.
        hosted: Calls of its own tools that the upstream has run.
    """

    calls: list[ModelCall] = field(default_factory=list)
    waits: bool = False
    reason: str | None = None
    usage: Json | None = None
    said: Json = field(default_factory=dict)
    service_tier: str | None = None
    hosted: int = 0


@dataclass(slots=True)
class _Call:
    given: str
    """The id by which the upstream tells it apart."""
    id: str = ""
    name: str = ""
    pieces: list[str] = field(default_factory=list)
    more: Json = field(default_factory=dict)
    writer: CallWriter | None = None

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)


class ChatReducer:
    """Reduces the chunks of one answer.

    Args:
        scribe: Where it is written down.
        manner: How it is told.

    Attributes:
        owner: The instance that answers; set before it is heard.
    """

    def __init__(self, scribe: Scribe, manner: Manner) -> None:
        self._scribe = scribe
        self._manner = manner
        self._message: MessageWriter | None = None
        self._reasoning: ReasoningWriter | None = None
        self._calls: dict[int, list[_Call]] = {}
        self._order: list[_Call] = []
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._carried = Carried()
        self._finish: str | None = None
        self._spoke = False
        self._step = Step()
        self._kept: Load | None = None
        self.owner = ""

    def feed(self, chunk: Json) -> None:
        """Take in a chunk, as it stands on the wire; fields may be null or missing, as some upstreams have them.

        Raises:
            UpstreamInvalid: It is no chunk.
        """
        try:
            usage = chunk.get("usage")
            if usage:
                self._step.usage = usage
            tier = chunk.get("service_tier")
            if tier:
                self._step.service_tier = tier
            for choice in chunk.get("choices") or ():
                if not choice.get("index"):
                    self._choice(choice)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UpstreamInvalid("The upstream's chunk has not the shape of one.") from error

    def end(self) -> Step:
        """Nothing follows: close what is open, and say what came of it."""
        step = self._step
        step.reason = _INCOMPLETE.get(self._finish or "")
        status = "incomplete" if step.reason else "completed"
        self._close_reasoning(status if not self._text and not self._order else "completed")
        if not self._spoke and not self._order:
            self._message = MessageWriter(self._scribe, self._manner.new_id, self._manner.citations)
        self._close_message(status if not self._order else "completed")
        for call in self._order:
            self._close_call(call, status)
        if step.reason is None:
            self._keep_load()
        step.said = self._said()
        return step

    def abort(self) -> None:
        """The upstream failed, or nobody waits any more: close what is open as incomplete."""
        self._close_reasoning("incomplete")
        self._close_message("incomplete")
        for call in self._order:
            if call.writer is not None:
                self._close_call(call, "incomplete")

    def _choice(self, choice: Json) -> None:
        delta = choice.get("delta") or {}
        self._carried.hear(delta)
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            self._think(thought)
        content, odds = delta.get("content"), self._odds(choice)
        if content or odds:
            self._speaker().text(content or "", odds)
            self._text.append(content or "")
        refusal = delta.get("refusal")
        if refusal:
            self._speaker().refuse(refusal)
            self._text.append(refusal)
        for annotation in delta.get("annotations") or ():
            if annotation.get("type") == "url_citation":
                self._speaker().annotate({"type": "url_citation", **annotation["url_citation"]})
        for piece in delta.get("tool_calls") or ():
            self._call(piece)
        if choice.get("finish_reason"):
            self._finish = choice["finish_reason"]

    def _think(self, thought: str) -> None:
        self._close_message("completed")
        if self._reasoning is None:
            manner = self._manner
            self._reasoning = ReasoningWriter(self._scribe, manner.new_id, summary=manner.summary, seal=manner.seal)
        self._spoke = True
        self._thoughts.append(thought)
        self._reasoning.think(thought)

    def _speaker(self) -> MessageWriter:
        self._close_reasoning("completed")
        if self._message is None:
            self._message = MessageWriter(self._scribe, self._manner.new_id, self._manner.citations)
            self._spoke = True
        return self._message

    def _odds(self, choice: Json) -> list[Json]:
        if not self._manner.logprobs:
            return []
        told = choice.get("logprobs") or {}
        return [odds_of(token) for token in told.get("content") or ()]

    def _call(self, piece: Json) -> None:
        """A piece of a call; some upstreams have one index for all calls, and tell them apart by their ids."""
        self._close_reasoning("completed")
        self._close_message("completed")
        same = self._calls.setdefault(piece.get("index") or 0, [])
        given = piece.get("id")
        if not same or (given and same[-1].given not in (given, "")):
            same.append(_Call(given or ""))
            self._order.append(same[-1])
        call = same[-1]
        call.given = call.given or given or ""
        call.more |= more_of_call(piece)
        function = piece.get("function") or {}
        arguments = function.get("arguments") or ""
        call.pieces.append(arguments)
        name = function.get("name")
        if name and not call.name:
            call.name = name
            self._open_call(call)
        elif arguments and call.writer is not None and not self._is_custom(call):
            call.writer.piece(arguments)

    def _open_call(self, call: _Call) -> None:
        taken = {other.id for other in self._order}  # some upstreams give all calls of a turn one id
        call.id = usable_call_id("" if call.given in taken else call.given, self._manner.new_id)
        offer = self._manner.offers.get(call.name)
        if offer is None or offer.caller_runs is None:
            return
        call.writer = CallWriter(self._scribe, self._manner.new_id, offer.caller_runs, call.id)
        self._step.waits = True
        if call.arguments and not self._is_custom(call):
            call.writer.piece(call.arguments)

    def _is_custom(self, call: _Call) -> bool:
        runs = self._manner.offers[call.name].caller_runs
        return runs is not None and runs.item == "custom_tool_call"

    def _close_call(self, call: _Call, status: str) -> None:
        if call.writer is None:
            if call.name:
                self._step.calls.append(ModelCall(id=call.id, name=call.name, arguments=call.arguments))
            return
        whole = call.arguments
        if self._is_custom(call):
            whole = custom_input(whole)
            if whole:
                call.writer.piece(whole)
        call.writer.close(whole, status)

    def _close_message(self, status: str) -> None:
        if self._message is not None:
            self._message.close(status)
            self._message = None

    def _close_reasoning(self, status: str) -> None:
        if self._reasoning is not None:
            self._kept = replace(self._load(), text=self._reasoning.text)
            self._reasoning.close(status, self._sealed(self._kept))
            self._reasoning = None

    def _load(self) -> Load:
        """What the turn carries so far."""
        calls = {call.id: call.more for call in self._order if call.more and call.id}
        return Load(owner=self.owner, fields=self._carried.told(), calls=calls)

    def _sealed(self, load: Load) -> str | None:
        return self._manner.carry(load.packed()) if load and self._manner.carry is not None else None

    def _keep_load(self) -> None:
        """Write an item for what came behind the thoughts, or without any."""
        load = self._load()
        if any(call.writer is None for call in self._order):
            load = load.without_calls()
        known = self._kept
        if known is not None and (known.fields, known.calls) == (load.fields, load.calls):
            return
        written = bool(self._text) or any(call.writer is not None for call in self._order)
        sealed = self._sealed(replace(load, behind=written))
        if sealed is None:
            return
        item: Json = {"type": "reasoning", "id": self._manner.new_id("reasoning"), "summary": [], "status": "completed"}
        pen = self._scribe.pen()
        pen.added({**item, "status": "in_progress"})
        pen.done({**item, "encrypted_content": sealed})

    def _said(self) -> Json:
        said: Json = {"role": "assistant", "content": "".join(self._text) or None}
        calls = [call for call in self._order if call.name]
        if calls:
            said["tool_calls"] = [
                {**c.more, "id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in calls
            ]
            said |= self._carried.told()
            if self._load():
                said[CARRIED_BY] = self.owner
            if self._thoughts:
                said["reasoning_content"] = "".join(self._thoughts)
        return said


def usable_call_id(given: str, new_id: NewId) -> str:
    """An upstream's id of a call, or another: clients give it back, and a specification bounds it to 64 characters."""
    return given if given and len(given) <= 64 else new_id("call")


def as_chunk(completion: Json) -> Json:
    """A whole answer as the one chunk that says the same."""
    choices = []
    for choice in completion.get("choices") or ():
        message = dict(choice.get("message") or {})
        calls = [{**call, "index": number} for number, call in enumerate(message.pop("tool_calls", None) or ())]
        choices.append({**choice, "delta": {**message, "tool_calls": calls}})
    return {**completion, "choices": choices}
