"""OpenAI's own package as an independent witness: what its types know, ours know, and what we write, it can read."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from openai import BaseModel as OpenAIModel
from openai import types
from openai.types import chat as theirs
from pydantic import BaseModel

from dinrail_core.api import chat, completions, embeddings, models, moderations, usage
from dinrail_core.api.wire import Wire

PAIRS: list[tuple[type[Wire], Any]] = [
    (chat.ChatRequest, theirs.completion_create_params.CompletionCreateParamsBase),
    (chat.ChatCompletion, theirs.ChatCompletion),
    (chat.ChatChoice, theirs.chat_completion.Choice),
    (chat.ChoiceLogprobs, theirs.chat_completion.ChoiceLogprobs),
    (chat.TokenLogprob, theirs.ChatCompletionTokenLogprob),
    (chat.ChatMessage, theirs.ChatCompletionMessage),
    (chat.SpokenAnswer, theirs.ChatCompletionAudio),
    (usage.Usage, types.CompletionUsage),
    (usage.CompletionTokens, types.completion_usage.CompletionTokensDetails),
    (usage.PromptTokens, types.completion_usage.PromptTokensDetails),
    (chat.ChunkChoice, theirs.chat_completion_chunk.Choice),
    (chat.ChatChunk, theirs.ChatCompletionChunk),
    (chat.Delta, theirs.chat_completion_chunk.ChoiceDelta),
    (chat.ToolCallDelta, theirs.chat_completion_chunk.ChoiceDeltaToolCall),
    (chat.DeveloperMessage, theirs.ChatCompletionDeveloperMessageParam),
    (chat.SystemMessage, theirs.ChatCompletionSystemMessageParam),
    (chat.UserMessage, theirs.ChatCompletionUserMessageParam),
    (chat.AssistantMessage, theirs.ChatCompletionAssistantMessageParam),
    (chat.ToolMessage, theirs.ChatCompletionToolMessageParam),
    (chat.FunctionMessage, theirs.ChatCompletionFunctionMessageParam),
    (chat.TextPart, theirs.ChatCompletionContentPartTextParam),
    (chat.ImagePart, theirs.ChatCompletionContentPartImageParam),
    (chat.AudioPart, theirs.ChatCompletionContentPartInputAudioParam),
    (chat.FunctionSpec, types.shared_params.FunctionDefinition),
    (chat.JsonSchema, types.shared_params.response_format_json_schema.JSONSchema),
    (completions.CompletionRequest, types.completion_create_params.CompletionCreateParamsBase),
    (completions.TextCompletion, types.Completion),
    (embeddings.EmbeddingRequest, types.EmbeddingCreateParams),
    (embeddings.EmbeddingResponse, types.CreateEmbeddingResponse),
    (models.Model, types.Model),
    (moderations.ModerationRequest, types.ModerationCreateParams),
    (moderations.Categories, types.moderation.Categories),
]


def names(kind: Any) -> set[str]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name for name, field in kind.model_fields.items()}
    return set(typing.get_type_hints(kind))


@pytest.mark.parametrize(("our", "their"), PAIRS, ids=lambda kind: kind.__name__)
def test_every_field_that_openais_package_knows_is_typed(our: type[Wire], their: Any) -> None:
    assert names(their) - names(our) == set()


@pytest.mark.parametrize(
    ("fixture", "our", "their"),
    [
        ("chat_completion", chat.ChatCompletion, theirs.ChatCompletion),
        ("chat_chunk", chat.ChatChunk, theirs.ChatCompletionChunk),
        ("moderation_response", moderations.ModerationResponse, types.ModerationCreateResponse),
        ("model", models.Model, types.Model),
    ],
)
def test_openais_package_reads_our_answers(
    fixture: str, our: type[Wire], their: type[OpenAIModel], request: pytest.FixtureRequest
) -> None:
    written = our.model_validate(request.getfixturevalue(fixture)).model_dump(mode="json")

    read = their.model_validate(written, strict=False)

    assert read.to_dict(mode="json", exclude_unset=True) == written
