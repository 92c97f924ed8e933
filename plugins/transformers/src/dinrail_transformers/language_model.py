"""A model that speaks: its chat template, and generation. It blocks, so it is used in its worker's thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, UnsupportedFeature
from dinrail_transformers.forms import form_of, marks_of
from dinrail_transformers.loading import context_of, load_parts
from dinrail_transformers.reading import THINK, Reader
from dinrail_transformers.requests import Chat, Sampling
from dinrail_transformers.sampling import Chooser, Chosen, scored

if TYPE_CHECKING:
    from dinrail_transformers.plugin import CallForm, ModelConfig, TransformersConfig

__all__ = ["LanguageModel", "Prompt"]

_DRAWN = ("temperature", "top_p", "top_k", "min_p")
_SCORED_AT_ONCE = 256
"""Tokens of a prompt whose probabilities are computed in one pass: each has as many as there are words."""
_CACHES = ("cache", "past_key_values")
"""What models call what they remember of the tokens before; the second is the older name."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is to go on from.

    Attributes:
        tokens: The prompt.
        thinking: Whether it ends within the model's thoughts.
    """

    tokens: Sequence[int]
    thinking: bool


class LanguageModel:
    """A loaded model.

    Args:
        config: Which.
        instance: What holds for all models.
    """

    def __init__(self, config: ModelConfig, instance: TransformersConfig) -> None:
        self._model, self._tokenizer, self._device = load_parts(config, instance, kind="AutoModelForCausalLM")
        self.context = context_of(config, self._model, self._tokenizer)
        """How many tokens a request may have, prompt and answer together."""
        template = config.chat_template or self._tokenizer.chat_template
        if isinstance(template, dict):  # several by name
            template = template.get("tool_use") or template.get("default")
        self._template: str | None = template
        self.form: CallForm = form_of(template or "") if config.tool_calls == "auto" else config.tool_calls
        """How it writes calls."""
        self._thinks = THINK[0] in (template or "")
        marks = marks_of(self.form)
        kept = {*THINK, *(marks.begin if marks else ()), *([marks.end] if marks and marks.end else ())}
        special = set(self._tokenizer.all_special_ids)
        self._silent = {token for token in special if self._spell([token]) not in kept}
        self._ends = self._ending_tokens()
        self._defaults = self._own_defaults()

    def prompt(self, chat: Chat) -> Prompt:
        """A chat as tokens.

        Raises:
            UnsupportedFeature: The model has no chat template, or its template knows nothing of tools.
            InvalidRequest: The template refuses the conversation.
            ContextLengthExceeded: It leaves no room for an answer.
        """
        from jinja2 import TemplateError

        if self._template is None:
            message = "This model has no chat template: it was not made for chats. Set chat_template to give it one."
            raise UnsupportedFeature(message, param="model")
        if chat.tools and self.form == "none":
            raise UnsupportedFeature("This model's chat template knows of no tools.", param="tools")
        try:
            text: str = self._tokenizer.apply_chat_template(
                list(chat.messages),
                tools=list(chat.tools) or None,
                chat_template=self._template,
                add_generation_prompt=True,
                tokenize=False,
                **chat.more,
            )
        except (TemplateError, TypeError, ValueError) as error:
            said = f"The model's chat template refuses this conversation: {error}"[:500]
            raise InvalidRequest(said, param="messages") from error
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        if not tokens:
            raise InvalidRequest("The conversation comes to nothing.", param="messages")
        if len(tokens) >= self.context:
            message = (
                f"The conversation has {len(tokens)} tokens; this model takes {self.context}, the answer included."
            )
            raise ContextLengthExceeded(message, param="messages")
        return Prompt(tokens, self._thinks and text.rstrip().endswith(THINK[0]))

    def tokenized(self, text: str | Sequence[int] | None, param: str, *, room: int) -> Prompt:
        """What a text is to be continued from.

        Args:
            text: The text, or its tokens in this model's vocabulary; ``None`` for the beginning of a text.
            param: What it is called in an error.
            room: How many tokens there must be room for behind it.

        Raises:
            InvalidRequest: It has no tokens, or one that the model does not know.
            ContextLengthExceeded: It leaves no room.
        """
        if text is None:
            start = self._tokenizer.bos_token_id
            tokens = [start] if isinstance(start, int) else []
        else:
            tokens = self._tokenizer(text)["input_ids"] if isinstance(text, str) else list(text)
        if not tokens:
            raise InvalidRequest("There is nothing to go on from.", param=param)
        size = self._size()
        for place, token in enumerate(tokens):
            if token >= size:
                raise InvalidRequest(f"This model has {size} tokens.", param=f"{param}.{place}")
        if len(tokens) + room > self.context:
            message = f"The prompt has {len(tokens)} tokens; this model takes {self.context}, what it adds included."
            raise ContextLengthExceeded(message, param=param)
        return Prompt(tokens, thinking=False)

    def reader(self, prompt: Prompt, *, calls: bool) -> Reader:
        """Takes what the model writes apart."""
        return Reader(self.form if calls else "none", thinks=self._thinks, thinking=prompt.thinking)

    def check(self, sampling: Sampling) -> None:
        """Look at what the tokenizer has to know for.

        Raises:
            InvalidRequest: A token of ``logit_bias`` is none of this model's.
        """
        size = self._size()
        for token in sampling.bias:
            if token >= size:
                raise InvalidRequest(f"This model has {size} tokens.", param=f"logit_bias.{token}")

    def generate(self, prompt: Prompt, sampling: Sampling, told: Callable[[Chosen], bool]) -> None:
        """Generate tokens until the model ends, the limit is reached, or ``told`` says that it is enough.

        Args:
            prompt: What it goes on from.
            sampling: How.
            told: Is told of each token (the one that ends the answer included); whether to stop.
        """
        import torch
        from transformers import GenerationConfig

        enough = False

        def hear(chosen: Chosen) -> None:
            nonlocal enough
            enough = told(chosen)

        def stop(input_ids: Any, scores: Any, **rest: Any) -> Any:
            return torch.full((1,), enough, dtype=torch.bool, device=input_ids.device)

        room = self.context - len(prompt.tokens)
        settings = GenerationConfig(
            max_new_tokens=min(sampling.limit or room, room),
            do_sample=False,
            eos_token_id=sorted(self._ends) or None,
            pad_token_id=min(self._ends, default=0),
        )
        tokens = torch.tensor([prompt.tokens], dtype=torch.long, device=self._device)
        with torch.inference_mode():
            self._model.generate(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                generation_config=settings,
                logits_processor=[Chooser(sampling, self._defaults, hear)],
                stopping_criteria=[stop],
            )

    def score(self, prompt: Prompt, count: int) -> Iterator[list[Chosen]]:
        """How likely the tokens of a prompt were, some at a time; the first follows nothing.

        Args:
            prompt: The tokens.
            count: How many of the likeliest are told beside each.
        """
        import torch
        from transformers import DynamicCache

        named = [name for name in _CACHES if name in signature(self._model.forward).parameters][:1]
        at_once = _SCORED_AT_ONCE if named else len(prompt.tokens)
        cache = {named[0]: DynamicCache(config=self._model.config), "use_cache": True} if named else {}
        odds: Any = None  # for the token that comes next
        for start in range(0, len(prompt.tokens), at_once):
            part = prompt.tokens[start : start + at_once]
            with torch.inference_mode():
                said = self._model(
                    input_ids=torch.tensor([part], dtype=torch.long, device=self._device),
                    attention_mask=torch.ones((1, start + len(part)), dtype=torch.long, device=self._device),
                    **cache,
                )
                every = torch.log_softmax(said.logits[0].float(), dim=-1).cpu()
            found = [Chosen(part[0]) if odds is None else scored(part[0], odds, count)]
            found += [scored(token, before, count) for token, before in zip(part[1:], every, strict=False)]
            odds = every[-1]
            yield found

    def ends(self, token: int) -> bool:
        """Whether a token ends the answer."""
        return token in self._ends

    def spell(self, tokens: Sequence[int]) -> str:
        """The text of tokens, without those that are no text."""
        return self._spell([token for token in tokens if token not in self._silent])

    def written(self, tokens: Sequence[int]) -> str:
        """All of the tokens, marks included, as they are shown beside their probabilities."""
        return self._spell(tokens)

    def _spell(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def _size(self) -> int:
        """How many tokens the model knows."""
        size: int = self._model.config.get_text_config().vocab_size
        return size

    def _ending_tokens(self) -> set[int]:
        own = self._model.generation_config.eos_token_id
        found = own if isinstance(own, list) else [own]
        return {token for token in (*found, self._tokenizer.eos_token_id) if isinstance(token, int)}

    def _own_defaults(self) -> dict[str, float]:
        """What the model's makers recommend for drawing, where they do."""
        own = self._model.generation_config
        names = [*(_DRAWN if own.do_sample else ()), "repetition_penalty"]
        values = {name: getattr(own, name, None) for name in names}
        return {name: float(value) for name, value in values.items() if isinstance(value, (int, float))}
