"""Models with random weights and a vocabulary of ASCII characters, as Hugging Face's libraries read them.

A program for an engine's own Python, which has torch, transformers and tokenizers; nothing of Dinrail is imported::

    build/engines/vllm/bin/python random_models.py chat FOLDER
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "main"]

_CHAT_TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
_SHAPE = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2}
"""Heads of 64, which is what engines have kernels for."""
_SEED = 7


def main(arguments: list[str]) -> None:
    """Write a model of one of :data:`KINDS` to a folder."""
    kind, folder = arguments
    importlib.import_module("torch").manual_seed(_SEED)
    KINDS[kind](Path(folder))


def _chat(folder: Path) -> None:
    transformers = importlib.import_module("transformers")
    special = ["<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(special), bos_token=special[0], eos_token=special[1], pad_token=special[1]
    )
    tokenizer.chat_template = _CHAT_TEMPLATE
    config = transformers.LlamaConfig(
        **_SHAPE,
        vocab_size=len(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=0,
        eos_token_id=1,
    )
    _save(folder, transformers.LlamaForCausalLM(config), tokenizer)


def _embed(folder: Path) -> None:
    _save(folder, importlib.import_module("transformers").BertModel(_bert()), _bert_tokenizer())


def _rank(folder: Path) -> None:
    model = importlib.import_module("transformers").BertForSequenceClassification(_bert(num_labels=1))
    _save(folder, model, _bert_tokenizer())


KINDS = {"chat": _chat, "embed": _embed, "rank": _rank}
"""A model that answers chats, one whose hidden states are vectors, one that scores pairs of texts."""


def _bert(**more: Any) -> Any:
    # Weights that are not tiny: otherwise all texts are much the same to it.
    shape = {**_SHAPE, "vocab_size": len(_bert_tokenizer()), "max_position_embeddings": 512, "initializer_range": 0.5}
    return importlib.import_module("transformers").BertConfig(**shape, **more)


def _bert_tokenizer() -> Any:
    processors = importlib.import_module("tokenizers").processors
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = _tokenizer(special)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    made = importlib.import_module("transformers").PreTrainedTokenizerFast
    return made(tokenizer_object=tokenizer, model_max_length=512, **dict(zip(names, special, strict=True)))


def _tokenizer(special: list[str]) -> Any:
    """One token for each printable character of ASCII, and the special ones first: whatever is said is text."""
    tokenizers = importlib.import_module("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    blank, line_end = "\u0120", "\u010a"  # as the byte level writes them
    alphabet = [blank, line_end, *map(chr, range(33, 127))]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=len(alphabet) + len(special), special_tokens=special, initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator([""], trainer)
    return tokenizer


def _save(folder: Path, model: Any, tokenizer: Any) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
