"""Servers that speak OpenAI's dialect: bytes go through, and nothing is parsed that nobody looks at."""

from dinrail_sdk.openai.dialect import OpenAIDialect
from dinrail_sdk.openai.listing import Listed, read_models
from dinrail_sdk.openai.rewording import reworded
from dinrail_sdk.upstream.openai_events import Reword

__all__ = ["Listed", "OpenAIDialect", "Reword", "read_models", "reworded"]
