"""What a plugin's tests are made of: conformance suites, a fake upstream with faults, the real server in-process.

Nothing here is loaded into a test run that does not import it: there is no pytest plugin.
"""

import pytest

# Before the suites are imported, so that their failures show what was compared.
pytest.register_assert_rewrite(
    "dinrail_sdk.testing.suites",
    "dinrail_sdk.testing.operations",
    "dinrail_sdk.testing.heard",
    "dinrail_sdk.testing.vector_samples",
    "dinrail_sdk.testing.documents",
)

from dinrail_sdk.testing import delivery  # noqa: E402 behind the registration
from dinrail_sdk.testing.alone import open_alone  # noqa: E402 behind the registration
from dinrail_sdk.testing.bench import Bench  # noqa: E402 behind the registration
from dinrail_sdk.testing.delivery import Delivery, Gate  # noqa: E402 behind the registration
from dinrail_sdk.testing.dialect import Dialect, Rendered, Request  # noqa: E402 behind the registration
from dinrail_sdk.testing.dialects import OPENAI, OpenAIWire  # noqa: E402 behind the registration
from dinrail_sdk.testing.script import (  # noqa: E402 behind the registration
    Asked,
    Found,
    FoundPage,
    ListedModel,
    Listing,
    Ranking,
    Refused,
    Say,
    Script,
    Spoken,
    TokenOdds,
    Tokens,
    ToolUse,
    Vectors,
    Verdict,
    Verdicts,
)
from dinrail_sdk.testing.served import Served, open_rail, serve  # noqa: E402 behind the registration
from dinrail_sdk.testing.suite import Suite, case  # noqa: E402 behind the registration
from dinrail_sdk.testing.suites import (  # noqa: E402 behind the registration
    ChatModelSuite,
    CheckedSuite,
    CompletionModelSuite,
    EmbedderSuite,
    EngineSuite,
    ModelLibrarySuite,
    ModelSourceSuite,
    ModeratorSuite,
    RerankerSuite,
    VectorIndexSuite,
    WebSearcherSuite,
)
from dinrail_sdk.testing.upstream import FakeUpstream, Turn  # noqa: E402 behind the registration
from dinrail_sdk.testing.watchdog import LoopWatch  # noqa: E402 behind the registration

__all__ = [
    "OPENAI",
    "Asked",
    "Bench",
    "ChatModelSuite",
    "CheckedSuite",
    "CompletionModelSuite",
    "Delivery",
    "Dialect",
    "EmbedderSuite",
    "EngineSuite",
    "FakeUpstream",
    "Found",
    "FoundPage",
    "Gate",
    "ListedModel",
    "Listing",
    "LoopWatch",
    "ModelLibrarySuite",
    "ModelSourceSuite",
    "ModeratorSuite",
    "OpenAIWire",
    "Ranking",
    "Refused",
    "Rendered",
    "Request",
    "RerankerSuite",
    "Say",
    "Script",
    "Served",
    "Spoken",
    "Suite",
    "TokenOdds",
    "Tokens",
    "ToolUse",
    "Turn",
    "VectorIndexSuite",
    "Vectors",
    "Verdict",
    "Verdicts",
    "WebSearcherSuite",
    "case",
    "delivery",
    "open_alone",
    "open_rail",
    "serve",
]
