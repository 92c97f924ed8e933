"""Answers as JSON text.

It is put together an entry at a time: the serializer keeps the interpreter's lock while it works, and two thousand
vectors in one piece would hold up the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import uuid4

import numpy as np
import orjson
import pybase64

from dinrail_core.api.rerank import RerankDocument, RerankRequest
from dinrail_core.errors import UpstreamInvalid
from dinrail_onnx_embeddings.model import Vectors

__all__ = ["embeddings_body", "ranking_body"]


def embeddings_body(vectors: Vectors, form: Literal["float", "base64"], *, model: str, tokens: int) -> bytes:
    """The answer of ``POST /v1/embeddings``.

    Raises:
        UpstreamInvalid: A vector holds something that is not a number.
    """
    if not np.isfinite(vectors).all():
        raise UpstreamInvalid("The model computed a vector that holds something that is not a number.")
    rows = np.ascontiguousarray(vectors, "<f4")
    entries = []
    for index, row in enumerate(rows):
        if form == "base64":
            text = b'"%b"' % pybase64.b64encode(row.data)
        else:
            text = orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY)
        entries.append(b'{"object":"embedding","index":%d,"embedding":%b}' % (index, text))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return _object({"object": "list", "model": model, "usage": usage}, "data", entries)


def ranking_body(request: RerankRequest, scores: Sequence[float], *, model: str, tokens: int) -> bytes:
    """The answer of ``POST /v1/rerank``: the best documents first, and equal ones in the request's order."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    if isinstance(request.top_n, int):
        order = order[: request.top_n]
    entries = []
    for index in order:
        entry = b'{"index":%d,"relevance_score":%b' % (index, orjson.dumps(scores[index]))
        if request.return_documents is True:
            document = request.documents[index]
            given = RerankDocument(text=document) if isinstance(document, str) else document
            entry += b',"document":%b' % given.model_dump_json().encode()
        entries.append(entry + b"}")
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    fields = {"id": f"rerank-{uuid4().hex}", "object": "list", "model": model, "usage": usage}
    return _object(fields, "results", entries)


def _object(fields: Mapping[str, object], key: str, entries: Sequence[bytes]) -> bytes:
    """An object of ``fields``, and of a list under ``key`` whose entries are JSON text already."""
    return b'%b,"%b":[%b]}' % (orjson.dumps(fields)[:-1], key.encode(), b",".join(entries))
