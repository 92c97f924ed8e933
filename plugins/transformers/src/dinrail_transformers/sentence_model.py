"""A model that embeds texts. It blocks, so it is used in its worker's thread only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dinrail_transformers.loading import context_of, load_parts

if TYPE_CHECKING:
    from dinrail_transformers.plugin import ModelConfig, TransformersConfig

__all__ = ["SentenceModel", "batches_of"]


class SentenceModel:
    """A loaded model.

    Args:
        config: Which, and how it pools.
        instance: What holds for all models.
    """

    def __init__(self, config: ModelConfig, instance: TransformersConfig) -> None:
        self._model, self._tokenizer, self._device = load_parts(config, instance, kind="AutoModel")
        self._pooling = config.pooling
        self._normalize = config.normalize
        self.context = context_of(config, self._model, self._tokenizer)
        """How many tokens a text may have."""
        self.dimensions: int = self._model.config.get_text_config().hidden_size
        """The length of the vectors."""

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, special ones included, however many they are."""
        found: list[list[int]] = self._tokenizer(list(texts), add_special_tokens=True, truncation=False)["input_ids"]
        return found

    def embed(self, texts: Sequence[Sequence[int]], dimensions: int | None) -> list[list[float]]:
        """The vectors of tokenized texts, padded to the longest of them; ``dimensions`` keeps the first of each."""
        import torch

        longest = max(map(len, texts))
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.full((len(texts), longest), pad, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(texts):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            mask[row, : len(tokens)] = 1
        ids, mask = ids.to(self._device), mask.to(self._device)
        with torch.inference_mode():
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            vectors = self._pooled(states, mask)[:, :dimensions]
            if self._normalize:
                vectors = torch.nn.functional.normalize(vectors, dim=-1)
        found: list[list[float]] = vectors.cpu().tolist()
        return found

    def _pooled(self, states: Any, mask: Any) -> Any:
        match self._pooling:
            case "cls":
                return states[:, 0]
            case "last":
                rows = range(len(states))
                return states[rows, mask.sum(dim=1) - 1]
            case "mean":
                weights = mask.unsqueeze(-1).float()
                return (states * weights).sum(dim=1) / weights.sum(dim=1)


def batches_of(texts: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """The indices of texts, in batches of like length that have at most so many tokens with padding.

    A text that has more makes a batch alone.
    """
    batch: list[int] = []
    for index in sorted(range(len(texts)), key=lambda one: len(texts[one])):
        if batch and len(texts[index]) * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
