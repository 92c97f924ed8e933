"""What a generated answer cost, in tokens."""

from dinrail_core.api.wire import MISSING, Wire

__all__ = ["CompletionTokens", "PromptTokens", "Usage"]


class CompletionTokens(Wire):
    """What the generated tokens were."""

    accepted_prediction_tokens: int | MISSING = MISSING
    audio_tokens: int | MISSING = MISSING
    reasoning_tokens: int | MISSING = MISSING
    text_tokens: int | MISSING = MISSING
    rejected_prediction_tokens: int | MISSING = MISSING
    """Predicted tokens that did not come; they are paid for all the same."""


class PromptTokens(Wire):
    """What the prompt's tokens were."""

    audio_tokens: int | MISSING = MISSING
    cached_tokens: int | MISSING = MISSING
    """Read from a cache."""
    text_tokens: int | MISSING = MISSING
    image_tokens: int | MISSING = MISSING
    cache_write_tokens: int | MISSING = MISSING


class Usage(Wire):
    """Tokens of a chat or a completion."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    completion_tokens_details: CompletionTokens | MISSING = MISSING
    prompt_tokens_details: PromptTokens | MISSING = MISSING
