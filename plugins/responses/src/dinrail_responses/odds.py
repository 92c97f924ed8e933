"""Log-probabilities, as responses tell them."""

from __future__ import annotations

from dinrail_responses.tools.interface import Json

__all__ = ["odds_of"]


def odds_of(token: Json) -> Json:
    """A token and what could have stood in its place; bytes that an upstream leaves out are filled in."""
    return {**_alone(token), "top_logprobs": [_alone(other) for other in token.get("top_logprobs") or ()]}


def _alone(token: Json) -> Json:
    text = token["token"]
    spelt = token.get("bytes")
    return {"token": text, "logprob": token["logprob"], "bytes": list(text.encode()) if spelt is None else spelt}
