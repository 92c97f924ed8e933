"""A sentence model: its tokenizer and one forward pass. It blocks, so it is used in the worker's thread only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from dinrail_onnx_embeddings.files import ModelFiles

__all__ = ["SentenceModel", "Tokens", "Vector", "Vectors", "unit"]

Vector: TypeAlias = NDArray[np.float32]
"""Shape ``(dimensions,)``."""
Vectors: TypeAlias = NDArray[np.float32]
"""Shape ``(texts, dimensions)``."""
Tokens: TypeAlias = Sequence[int]
"""A text's tokens without the special ones."""

_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}


class SentenceModel:
    """A loaded model.

    Args:
        files: The model and its tokenizer.
        pooling: How the tokens' states become one vector.
        normalize: Whether vectors are brought to length 1.
        threads: Threads that work on one batch.

    Raises:
        ValueError: The model is no text encoder.
    """

    def __init__(self, files: ModelFiles, *, pooling: Literal["mean", "cls"], normalize: bool, threads: int) -> None:
        self._tokenizer = _tokenizer(files)
        self._before, self._after = _special_tokens(self._tokenizer)
        self._session = _session(files, threads)
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        if not {"input_ids", "attention_mask"} <= self._inputs <= _INPUTS:
            raise ValueError(f"its inputs are {', '.join(sorted(self._inputs))}, which are not those of a text encoder")
        self._output = self._session.get_outputs()[0].name
        self._pooling = pooling
        self._normalize = normalize
        self.special_tokens = len(self._before) + len(self._after)
        """How many tokens are put around each text."""
        self.dimensions: int = self.forward([()]).shape[1]
        """The length of the vectors."""

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, however many they are."""
        # `encode` keeps the interpreter's lock; the batch's variant gives it up.
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def forward(self, texts: Sequence[Tokens]) -> Vectors:
        """The vectors of tokenized texts, which are padded to the longest of them."""
        longest = max(map(len, texts)) + self.special_tokens
        ids = np.zeros((len(texts), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(texts):
            whole = (*self._before, *tokens, *self._after)
            ids[row, : len(whole)] = whole
            mask[row, : len(whole)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._inputs:
            feeds["token_type_ids"] = np.zeros_like(ids)
        (states,) = self._session.run([self._output], feeds)
        vectors = self._pooled(np.asarray(states, np.float32), mask)
        return unit(vectors) if self._normalize else vectors

    def matrix(self, vectors: Sequence[Vector], dimensions: int | None = None) -> Vectors:
        """Vectors as rows, of which the first ``dimensions`` components are kept and brought to length 1 again."""
        whole = np.stack(vectors)
        if dimensions is None or dimensions == whole.shape[1]:
            return whole
        cut = np.ascontiguousarray(whole[:, :dimensions])
        return unit(cut) if self._normalize else cut

    def count(self, texts: Sequence[Tokens]) -> int:
        """All tokens of these texts, the special ones included."""
        return sum(map(len, texts)) + self.special_tokens * len(texts)

    def _pooled(self, states: NDArray[np.float32], mask: NDArray[np.int64]) -> Vectors:
        if states.ndim == 2:  # the model pools by itself
            return states
        if self._pooling == "cls":
            return np.ascontiguousarray(states[:, 0])
        weights = (mask / mask.sum(axis=1, keepdims=True)).astype(np.float32)
        pooled: Vectors = np.matmul(weights[:, None, :], states)[:, 0]
        return pooled


def unit(vectors: Vectors) -> Vectors:
    """Each row brought to length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _tokenizer(files: ModelFiles) -> Tokenizer:
    """Read a ``tokenizer.json`` and reset the truncation and the padding that it may prescribe."""
    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """What the tokenizer puts before and behind a text."""
    bare: list[int] = tokenizer.encode("a", add_special_tokens=False).ids
    whole: list[int] = tokenizer.encode("a").ids
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start], whole[start + len(bare) :]
    raise ValueError("its tokenizer changes a text's tokens when it adds the special ones")


def _session(files: ModelFiles, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # a plan is kept for each shape, and nearly every batch has its own
    options.log_severity_level = 4  # failures come as exceptions; its own lines on stderr would say them twice
    # Idle threads that spin would take a core from whatever else runs on the machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
