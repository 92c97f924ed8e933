from __future__ import annotations

import pytest

from dinrail_lmstudio.plugin import LMSTUDIO, LMStudioConfig

URL = "http://10.0.0.5:1234/v1"


@pytest.mark.parametrize("variable", ["LMSTUDIO_BASE_URL", "LM_STUDIO_API_BASE"])
def test_an_address_in_the_environment_is_enough(variable: str) -> None:
    assert LMSTUDIO.detect is not None
    assert LMSTUDIO.detect({variable: URL}) == {"base_url": URL}
    assert LMSTUDIO.detect({variable: URL, "LM_API_TOKEN": "t"}) == {"base_url": URL, "api_key": "t"}


def test_nothing_is_found_without_an_address() -> None:
    assert LMSTUDIO.detect is not None
    assert LMSTUDIO.detect({"LM_API_TOKEN": "t"}) is None


def test_it_is_on_this_machine_unless_configured_otherwise() -> None:
    assert str(LMStudioConfig.model_validate({}).base_url) == "http://127.0.0.1:1234/v1"
