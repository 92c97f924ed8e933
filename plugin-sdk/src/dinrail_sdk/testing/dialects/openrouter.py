"""OpenRouter's API, where it differs from OpenAI's dialect: the name of thoughts, and errors.

As its OpenAPI description of August 2026 and "Errors and Debugging" in its documentation have them.
"""

from __future__ import annotations

from dinrail_sdk.testing.dialects.reasoning import ReasoningWire
from dinrail_sdk.testing.script import Refused

__all__ = ["OPENROUTER_WIRE", "OpenRouterWire"]

_TYPES = {"content_filter": "content_policy_violation", "model_not_found": "invalid_request"}


class OpenRouterWire(ReasoningWire):
    """OpenRouter: ``reasoning_content`` is another name for ``reasoning`` in requests, and a code is a status."""

    name = "OpenRouter"
    overlooks = False

    def error(self, refused: Refused) -> dict[str, object]:
        """What went wrong stands below ``metadata``, and whether there is such a model below ``availability``."""
        told: dict[str, object] = {"code": refused.status, "message": refused.message}
        if refused.code is not None:
            told["metadata"] = {"error_type": _TYPES.get(refused.code, refused.code)}
        if refused.code == "model_not_found":
            told["availability"] = {"code": "model_not_found", "retryable": False, "requested_models": ["kit"]}
        return {"error": told}


OPENROUTER_WIRE = OpenRouterWire()
