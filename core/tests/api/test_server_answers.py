"""Wire types of what the server answers by itself."""

from __future__ import annotations

import json
from typing import Any

from dinrail_core.api.error_body import ErrorBody, ErrorDetail
from dinrail_core.api.models import Model, ModelList
from dinrail_core.api.providers import PluginStatus, ProviderList, ProviderStatus
from dinrail_core.api.wire import MISSING, decode_upstream


def test_an_error_always_has_all_four_keys() -> None:
    body = ErrorBody(error=ErrorDetail(message="No.", type="invalid_request_error"))

    assert body.model_dump() == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}
    }


def test_a_model_has_openais_keys_and_ours_only_where_known() -> None:
    assert Model(id="gpu0/m").model_dump() == {"id": "gpu0/m", "object": "model", "created": 0, "owned_by": "unknown"}
    assert Model(id="gpu0/m", apis=["ChatModel"], context_length=4096).model_dump() == {
        "id": "gpu0/m",
        "object": "model",
        "created": 0,
        "owned_by": "unknown",
        "apis": ["ChatModel"],
        "context_length": 4096,
    }


def test_a_list_of_models_of_a_sloppy_upstream_can_be_read() -> None:
    sloppy: dict[str, Any] = {
        "data": [{"id": "m", "object": "", "context_length": None}, {"id": "n", "owned_by": None}]
    }

    models = decode_upstream(ModelList, json.dumps(sloppy).encode()).data

    assert [model.id for model in models] == ["m", "n"]
    assert models[0].context_length is MISSING
    assert models[1].owned_by == "unknown"


def test_a_status_always_has_all_its_keys() -> None:
    provider = ProviderStatus(id="g", type="t", distribution="d", version="1", apis=[], status="ready")
    plugin = PluginStatus(id="p", distribution="d", version="1", state="enabled", extends=[])

    assert ProviderList(data=[provider], plugins=[plugin]).model_dump() == {
        "object": "list",
        "data": [
            {
                "id": "g",
                "object": "provider",
                "type": "t",
                "distribution": "d",
                "version": "1",
                "apis": [],
                "status": "ready",
                "reason": None,
                "models": None,
            }
        ],
        "plugins": [
            {
                "id": "p",
                "object": "plugin",
                "distribution": "d",
                "version": "1",
                "state": "enabled",
                "reason": None,
                "extends": [],
            }
        ],
    }
