"""Servers that speak OpenAI's dialect: bytes go through, and nothing is parsed that nobody looks at."""

from dinrail_sdk.openai.dialect import OpenAIDialect
from dinrail_sdk.openai.listing import read_models

__all__ = ["OpenAIDialect", "read_models"]
