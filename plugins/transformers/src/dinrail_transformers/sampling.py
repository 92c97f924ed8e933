"""Choosing the next token. Everything that chooses is here, so that a seed means the same with every model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dinrail_transformers.requests import Sampling

__all__ = ["Chooser", "Chosen", "scored"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A token that was chosen.

    Attributes:
        id: The token.
        logprob: The natural logarithm of its probability, before anything but penalties and biases changed it; ``None``
            where nobody asked.
        others: The likeliest tokens and theirs.
    """

    id: int
    logprob: float | None = None
    others: tuple[tuple[int, float], ...] = ()


class Chooser:
    """Chooses a token out of a model's logits, and leaves the model's own ``generate`` nothing else to choose.

    Args:
        sampling: How; what it leaves open are ``defaults``.
        defaults: The model's own ``temperature``, ``top_p``, ``top_k``, ``min_p``, ``repetition_penalty``.
        told: Is told of each token.
    """

    def __init__(self, sampling: Sampling, defaults: dict[str, float], told: Callable[[Chosen], None]) -> None:
        import torch

        def value(name: str, otherwise: float) -> float:
            own = getattr(sampling, name)
            return float(own if own is not None else defaults.get(name, otherwise))

        self._torch: Any = torch
        self._sampling = sampling
        self._told = told
        self._temperature = value("temperature", 1.0)
        self._top_p = value("top_p", 1.0)
        self._top_k = int(value("top_k", 0))
        self._min_p = value("min_p", 0.0)
        self._repetition = value("repetition_penalty", 1.0)
        self._counts: Counter[int] = Counter()
        self._generator = torch.Generator(device="cpu")
        if sampling.seed is not None:
            self._generator.manual_seed(sampling.seed % 2**63)
        else:
            self._generator.seed()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Called by transformers for each token; leaves the chosen one alone possible."""
        logits = scores[0].float()
        self._penalise(logits, input_ids[0])
        token = self._choose(logits)
        self._counts[token] += 1
        self._told(self._chosen(token, logits))
        decided = self._torch.full_like(scores, float("-inf"))
        decided[0, token] = 0
        return decided

    def _penalise(self, logits: Any, before: Any) -> None:
        sampling = self._sampling
        if self._repetition != 1.0:
            there = before.unique()
            found = logits[there]
            logits[there] = self._torch.where(found < 0, found * self._repetition, found / self._repetition)
        if sampling.presence or sampling.frequency:
            for token, count in self._counts.items():
                logits[token] -= sampling.presence + sampling.frequency * count
        for token, bias in sampling.bias.items():
            logits[token] += bias

    def _choose(self, logits: Any) -> int:
        torch = self._torch
        if self._temperature == 0:
            return int(logits.argmax())
        odds = torch.softmax(logits / self._temperature, dim=-1).cpu()
        if self._min_p > 0:
            odds = torch.where(odds < self._min_p * odds.max(), 0.0, odds)
        ordered, tokens = odds.sort(descending=True, stable=True)
        if self._top_k > 0:
            ordered[self._top_k :] = 0
        if self._top_p < 1:
            ordered /= ordered.sum()
            # The token that brings the sum over the share is still among them, so there is always one.
            ordered[(ordered.cumsum(-1) - ordered) >= max(self._top_p, 1e-9)] = 0
        return int(tokens[torch.multinomial(ordered, 1, generator=self._generator)])

    def _chosen(self, token: int, logits: Any) -> Chosen:
        count = self._sampling.alternatives
        if count is None:
            return Chosen(token)
        return scored(token, self._torch.log_softmax(logits, dim=-1), count)


def scored(token: int, odds: Any, count: int) -> Chosen:
    """A token with its probability and those of the likeliest.

    Args:
        token: The token.
        odds: The logarithms of all tokens' probabilities.
        count: How many of the likeliest.
    """
    values, tokens = odds.topk(min(count, odds.shape[-1]))
    return Chosen(token, float(odds[token]), tuple(zip(tokens.tolist(), values.tolist(), strict=True)))
