"""The dialects that the kit's upstream speaks; a plugin whose upstream speaks another brings one of its own."""

from dinrail_sdk.testing.dialects.openai import OPENAI, OpenAIWire

__all__ = ["OPENAI", "OpenAIWire"]
