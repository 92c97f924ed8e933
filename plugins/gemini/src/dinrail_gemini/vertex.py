"""Gemini on Vertex AI: other addresses, tokens of the cloud, another way to embed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import orjson

from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.errors import UpstreamInvalid, UpstreamRefused, UpstreamUnavailable
from dinrail_gemini.provider import Embedded, Gemini
from dinrail_sdk.upstream import Upstream

__all__ = ["CloudTokens", "Vertex"]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class CloudTokens:
    """Access tokens of Google's cloud, renewed before they expire.

    Args:
        file: Of a service account; without, what ``google-auth`` finds by itself, of whatever kind
            (``GOOGLE_APPLICATION_CREDENTIALS``, ``gcloud``, the machine's own).
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._credentials: Any = None
        self._lock = asyncio.Lock()

    async def current(self) -> str:
        """A token that is good now.

        Raises:
            UpstreamRefused: There are no credentials, or they are good no more.
            UpstreamUnavailable: Whoever gives tokens out cannot be reached.
        """
        credentials = self._credentials
        if credentials is None or not credentials.valid:
            async with self._lock:
                if self._credentials is None or not self._credentials.valid:
                    # Files, keys and a request: google-auth does all of it in the foreground.
                    self._credentials = await asyncio.to_thread(self._renewed)
                credentials = self._credentials
        token = credentials.token
        assert isinstance(token, str)
        return token

    def _renewed(self) -> Any:
        import google.auth
        from google.auth import exceptions
        from google.auth.transport.requests import Request
        from google.oauth2.service_account import Credentials

        try:
            found = self._credentials
            if found is None and self._file is not None:
                found = Credentials.from_service_account_file(  # type: ignore[no-untyped-call]  # it has no types
                    str(self._file), scopes=[_SCOPE]
                )
            elif found is None:
                found, _ = google.auth.default(scopes=[_SCOPE])
            found.refresh(Request())
        except exceptions.TransportError:
            raise UpstreamUnavailable("Google's server for tokens cannot be reached.") from None
        except (exceptions.GoogleAuthError, OSError, ValueError) as error:
            # Without its words, which may repeat a part of the credentials.
            raise UpstreamRefused(f"There are no good credentials for Vertex AI ({type(error).__name__}).") from None
        return found


class Vertex(Gemini):
    """Gemini on Vertex AI.

    Args:
        upstream: The API's root in a location.
        project: Whose models.
        location: Where.
    """

    lists: ClassVar[tuple[str, str]] = ("/v1beta1/publishers/google/models", "publisherModels")

    def __init__(self, upstream: Upstream, *, project: str, location: str) -> None:
        super().__init__(upstream)
        self._root = f"projects/{quote(project, safe='')}/locations/{location}"

    def path(self, model: str, method: str) -> str:
        """See :meth:`Gemini.path`; other makers' models and endpoints have their collection in the name."""
        for collection in ("publishers/", "endpoints/"):
            if model.startswith(collection):
                return f"{self._root}/{quote(model, safe='/')}:{method}"
        return f"{self._root}/publishers/google/models/{quote(model, safe='')}:{method}"

    def batch(self, model: str) -> int:
        """See :meth:`Gemini.batch`; newer models take one text."""
        return 1 if model.startswith("gemini-embedding") else 100

    async def embed_part(self, request: EmbeddingRequest, texts: Sequence[Any], call: Call) -> Embedded:
        """See :meth:`Gemini.embed_part`."""
        own = dict(request.model_extra or {})
        parameters: dict[str, Any] = {"autoTruncate": False}
        if isinstance(request.dimensions, int):
            parameters["outputDimensionality"] = request.dimensions
        given = own.pop("parameters", None)
        parameters |= given if isinstance(given, Mapping) else {}
        asked = {"instances": [{"content": text} for text in texts], "parameters": parameters, **own}
        text = await self.upstream.post(self.path(request.model, "predict"), orjson.dumps(asked), call)
        try:
            answer = orjson.loads(text)
            found = [prediction["embeddings"] for prediction in answer.pop("predictions")]
            vectors = [one["values"] for one in found]
            if len(vectors) != len(texts) or not all(isinstance(vector, list) for vector in vectors):
                raise TypeError
            counts = [(one.get("statistics") or {}).get("token_count") for one in found]
            answer.pop("metadata", None)
            return Embedded(vectors, sum(int(count) for count in counts if count is not None), answer)
        except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
            raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None
