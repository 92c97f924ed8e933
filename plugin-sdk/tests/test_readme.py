from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

BLOCKS = re.findall(
    r"```python\n(.*?)```", Path(__file__).parents[1].joinpath("README.md").read_text("utf-8"), re.DOTALL
)


@pytest.mark.parametrize("block", BLOCKS)
async def test_the_provider_of_the_readme_can_be_opened(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("readme")
    monkeypatch.setitem(sys.modules, "readme", module)
    exec(block, module.__dict__)
    (record,) = module.dinrail_providers()
    async with record.open(record.config(api_key="k"), None) as provider:
        assert all(isinstance(provider, contract) for contract in record.apis)


def test_the_readme_has_a_provider() -> None:
    assert len(BLOCKS) == 1
