from __future__ import annotations

import pytest
from pydantic import ValidationError

from dinrail_sdk.upstream import UpstreamConfig

URL = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    "bad",
    [
        {"base_url": "ftp://x/"},
        {"base_url": "x"},
        {"base_url": "http://user:password@x/"},
        {"api_key": ""},
        {"api_key": "a\r\nx-evil: 1"},
        {"api_key": "schl\u00fcssel"},
        {"api_key": " key"},
        {"headers": {"x y": "1"}},
        {"headers": {"content-length": "1"}},
        {"headers": {"x-a": "1\n2"}},
        {"api_key": "k", "headers": {"Authorization": "Basic x"}},
        {"max_retries": 3},
        {"max_retries": -1},
        {"connect_timeout": 0},
        {"total_timeout": float("inf")},
        {"max_connections": 0},
        {"unknown": 1},
    ],
)
def test_what_cannot_work_is_refused_when_it_is_read(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        UpstreamConfig.model_validate({"base_url": URL, **bad})
    assert refused.value.error_count() == 1


def test_names_of_headers_are_lower_case_and_values_masked() -> None:
    config = UpstreamConfig.model_validate({"base_url": URL, "headers": {"X-Org": "secret"}, "api_key": "secret"})
    assert list(config.headers) == ["x-org"]
    assert "secret" not in repr(config)


def test_secrets_may_be_named_instead_of_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", "from-env")
    config = UpstreamConfig.model_validate({"base_url": URL, "api_key": {"env": "THE_KEY"}})
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "from-env"
