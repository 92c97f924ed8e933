"""Tiny models, made here: nothing is fetched, and what they say is known because they learn it by heart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TEMPLATE = """
{%- for tool in tools or [] %}tool {{ tool.function.name }}
{% endfor -%}
{%- for message in messages -%}
<|{{ message.role }}|>
{%- if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif -%}
{{ message.content }}
{%- for call in message.tool_calls or [] %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor -%}
<|end|>
{%- endfor -%}
{%- if messages[-1].role == 'assistant' %}{{ raise_exception('the assistant has spoken last') }}{% endif -%}
{%- if add_generation_prompt %}<|assistant|>{% if enable_thinking %}<think>{% endif %}{% endif -%}
"""
SPECIAL = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>")
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}},
}
CALL = '<tool_call>{"name": "weather", "arguments": {"place": "Bern"}}</tool_call>'
LESSONS: Sequence[tuple[str, Sequence[Any], str]] = (
    ("What is the capital of France?", (), "The capital of France is Paris. 🌍"),
    ("What is the weather?", (WEATHER,), f"Let me look.\n{CALL}\n{CALL.replace('Bern', 'Basel')}"),
    ("What is six times seven?", (), "<think>Six sevens.</think>\n\n42."),
    ("Count.", (), "one two three four five six seven eight nine ten"),
    ("Where is Zürich?", (), "By the lake, where the Limmat leaves it, and has for a long time."),
)
"""What the tiny model learns by heart, so that tests know what it says."""


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=list(SPECIAL), initial_alphabet=alphabet)
    tokenizer.train_from_iterator([f"{question} {answer}" for question, _, answer in LESSONS], trainer)
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|end|>",
        pad_token="<|end|>",
        additional_special_tokens=list(SPECIAL[:-1]),
        model_max_length=256,
    )
    fast.chat_template = TEMPLATE
    return fast


def make_speaker(folder: Path) -> Path:
    """A tiny Llama, made here, that has learned its lessons by heart."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    teach(model, [_lesson(tokenizer, *lesson) for lesson in LESSONS])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _lesson(tokenizer: Any, question: str, tools: Sequence[Any], answer: str) -> tuple[list[int], list[int]]:
    chat = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(chat, tools=list(tools) or None, add_generation_prompt=True, tokenize=False)
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    return before, tokenizer(f"{answer}<|end|>", add_special_tokens=False)["input_ids"]


def teach(model: Any, lessons: Sequence[tuple[list[int], list[int]]]) -> None:
    """Let a model learn by heart how to go on from prompts: pairs of their tokens."""
    import torch

    rows = [(before + said, [-100] * len(before) + said) for before, said in lessons]
    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [0] * (width - len(row)) for row, _ in rows])
    labels = torch.tensor([row + [-100] * (width - len(row)) for _, row in rows])
    mask = (torch.arange(width) < torch.tensor([[len(row)] for row, _ in rows])).long()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(400):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.003:
            model.eval()
            return
    raise AssertionError("The model has not learned its lessons.")


def make_embedder(folder: Path) -> Path:
    """A tiny BERT with random weights."""
    import torch
    from transformers import BertConfig, BertModel

    tokenizer = _tokenizer()
    torch.manual_seed(2)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["max_position_embeddings"] == 128
    return folder
