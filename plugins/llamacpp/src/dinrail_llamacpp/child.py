"""The process that computes: llama.cpp's own server on loopback, for one model.

``python -m dinrail_llamacpp.child`` reads one line of JSON from standard input, a :class:`ChildSettings`, loads the
model, and writes one line to standard output when it answers: ``{"address": "http://127.0.0.1:PORT"}``. What llama.cpp
prints goes to standard error. The process ends when standard input does, which is when its parent is gone, however that
came about; on Linux the kernel sees to it as well, also while a model is being loaded.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["ChildSettings", "main"]

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """What the process is told.

    Attributes:
        parent: The process that it belongs to.
        api_key: What requests must carry; made for this start.
        name: The model's name in answers.
        file: The GGUF file.
        context: Tokens of one request.
        parallel: Requests at a time.
        threads: Threads that compute.
        gpu_layers: Layers on a GPU; ``None`` lets llama.cpp decide.
        chat_template: Instead of the file's own.
        embedding: Whether the model makes embeddings.
        pooling: How, in that case.
    """

    parent: int
    api_key: str
    name: str
    file: str
    context: int
    parallel: int
    threads: int
    gpu_layers: int | None
    chat_template: str | None
    embedding: bool
    pooling: str

    def encode(self) -> bytes:
        """As one line."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Serve until standard input ends."""
    settings = ChildSettings(**json.loads(sys.stdin.buffer.readline()))
    _die_with(settings.parent)
    # llama.cpp writes where it likes; the line that the parent waits for keeps a channel of its own.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_watch_parent, daemon=True).start()

    import xllamacpp

    server = xllamacpp.Server(_parameters(xllamacpp, settings))
    answers.write(json.dumps({"address": server.listening_address}).encode() + b"\n")
    answers.close()
    threading.Event().wait()


def _die_with(parent: int) -> None:
    """Have the kernel end this process with its parent, where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _watch_parent() -> None:
    sys.stdin.buffer.read()
    # Nothing is worth waiting for: requests under way have lost whoever would read their answers.
    os._exit(0)


def _parameters(xllamacpp: Any, settings: ChildSettings) -> Any:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings.file
    parameters.model_alias = {settings.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [settings.api_key]
    parameters.n_parallel = settings.parallel
    parameters.n_ctx = settings.context * settings.parallel
    for cpu in (parameters.cpuparams, parameters.cpuparams_batch):
        cpu.n_threads = settings.threads
        cpu.poll = 0  # waiting busily slows down everything else on the machine, and llama.cpp itself under load
    if settings.gpu_layers is not None:
        parameters.n_gpu_layers = settings.gpu_layers
    if settings.chat_template is not None:
        parameters.chat_template = settings.chat_template
    if settings.embedding:
        parameters.embedding = True
        parameters.pooling_type = _poolings(xllamacpp)[settings.pooling]
        # A text is embedded in one batch, so one as long as the context must fit into it.
        parameters.n_batch = parameters.n_ubatch = settings.context
    parameters.prefill_assistant = False  # a conversation that ends with the assistant gets another message
    parameters.n_threads_http = settings.parallel + 16  # so many requests may wait beside those that are computed
    parameters.cache_ram_mib = 0
    parameters.cache_idle_slots = False
    parameters.verbosity = 2
    parameters.ui = False
    parameters.endpoint_slots = False
    return parameters


def _poolings(xllamacpp: Any) -> Mapping[str, Any]:
    kinds = xllamacpp.llama_pooling_type
    return {
        "mean": kinds.LLAMA_POOLING_TYPE_MEAN,
        "cls": kinds.LLAMA_POOLING_TYPE_CLS,
        "last": kinds.LLAMA_POOLING_TYPE_LAST,
    }


if __name__ == "__main__":
    main()
