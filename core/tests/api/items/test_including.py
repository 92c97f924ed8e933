"""What is only told to who asks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from dinrail_core.api.conversations.objects import Include
from dinrail_core.api.items.including import as_asked
from dinrail_core.api.items.keeping import read_item

sys.path.insert(0, str(Path(__file__).parent))

from item_samples import KEPT

EVERYTHING = frozenset(get_args(Include))
SAMPLES = {item["id"]: item for item in KEPT}


def told(item: dict[str, Any], *include: str) -> Any:
    return json.loads(as_asked(read_item(json.dumps(item)).model_dump_json(), item["type"], include))


@pytest.mark.parametrize("item", KEPT, ids=lambda item: item["id"])
def test_who_asks_for_everything_is_told_everything(item: dict[str, Any]) -> None:
    assert told(item, *EVERYTHING) == item


@pytest.mark.parametrize("item", KEPT, ids=lambda item: item["id"])
def test_what_is_told_unasked_is_a_whole_item(item: dict[str, Any]) -> None:
    assert json.loads(read_item(json.dumps(told(item))).model_dump_json()) == told(item)


@pytest.mark.parametrize(
    ("include", "item_id", "path", "without"),
    [
        ("file_search_call.results", "fs_1", ("results",), ...),
        ("web_search_call.action.sources", "ws_1", ("action", "sources"), ...),
        ("web_search_call.results", "ws_1", ("results",), ...),
        ("message.input_image.image_url", "msg_1", ("content", 1, "image_url"), ...),
        ("computer_call_output.output.image_url", "cuo_1", ("output", "image_url"), ...),
        ("code_interpreter_call.outputs", "ci_1", ("outputs",), None),
        ("reasoning.encrypted_content", "rs_1", ("encrypted_content",), ...),
        ("message.output_text.logprobs", "msg_2", ("content", 0, "logprobs"), []),
    ],
)
def test_each_field_is_told_to_who_asks_for_it_alone(
    include: str, item_id: str, path: tuple[Any, ...], without: Any
) -> None:
    item = json.loads(json.dumps(SAMPLES[item_id]))
    if include == "web_search_call.results":
        item["results"] = [{"title": "x"}]  # no field of the type, though what may be asked for has it
    holder = item
    for step in path[:-1]:
        holder = holder[step]
    expected = holder[path[-1]]
    others = EVERYTHING - {include}

    def found(data: Any) -> Any:
        for step in path[:-1]:
            data = data[step]
        return data.get(path[-1], ...)

    assert found(told(item, include)) == expected
    assert found(told(item, *others)) == without
    assert found(told(item)) == without
