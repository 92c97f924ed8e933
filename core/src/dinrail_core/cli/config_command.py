"""``dinrail config check|show``."""

from __future__ import annotations

import argparse
import json
import math
import re
from typing import Any

from pydantic import BaseModel

from dinrail_core.cli.arguments import add_config_arguments
from dinrail_core.hooks.records import Command
from dinrail_core.host.command_line import to_plan
from dinrail_core.host.instances import Instance
from dinrail_core.host.plugins import PluginState

__all__ = ["COMMAND"]

_PASSWORD = re.compile(r"(?<=://)([^/?#\s:]*):[^/?#\s]*(?=@)")
"""What stands between the first ':' and the last '@' of a URL's authority."""


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="say whether the server would start, without starting it")
    show = actions.add_parser("show", help="print what is in force, defaults and detected instances included")
    add_config_arguments(parser)
    add_config_arguments(check)
    add_config_arguments(show)


def _run(arguments: argparse.Namespace) -> int:
    plan = to_plan(arguments)
    if arguments.action == "check":
        names = ", ".join(sorted(plan.instances)) or "none"
        print(f"The configuration is good. Providers: {names}.")
        for status in (plugin.status() for plugin in plan.plugins.all):
            if status.state == PluginState.FAILED.value:
                print(f"Set aside: {status.id} ({status.distribution} {status.version}): {status.reason}")
        return 0
    tree: dict[str, Any] = {
        "data_dir": str(plan.settings.data_dir),
        "models_refresh": plan.settings.models_refresh,
        "plugins": plan.settings.plugins.model_dump(),
        **{name: _masked(config) for name, config in sorted(plan.sections.items())},
        "providers": {
            name: {"type": instance.type.name, **_masked(instance.config), **_limits(instance)}
            for name, instance in sorted(plan.instances.items())
        },
        "services": {record.name: _masked(config) for _, record, config in plan.services},
        "outbound": _masked(plan.settings.outbound),
        "aliases": plan.settings.aliases,
        "models": {name: _masked(model.settings) for name, model in sorted(plan.routed.items())},
    }
    print("\n".join(_toml(tree)))
    return 0


def _masked(config: BaseModel) -> dict[str, Any]:
    """What is in force, as plain values; pydantic itself masks what is typed as a secret."""
    masked: dict[str, Any] = _without_passwords(config.model_dump(mode="json", fallback=str))
    return masked


def _limits(instance: Instance) -> dict[str, Any]:
    return {"limits": _masked(instance.gate.limits)} if instance.gate is not None else {}


def _without_passwords(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_passwords(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_passwords(item) for item in value]
    return _PASSWORD.sub(r"\1:**********", value) if isinstance(value, str) else value


def _toml(tree: dict[str, Any], path: tuple[str, ...] = ()) -> list[str]:
    """The tree as TOML; keys without a value are left out, since TOML has no null."""
    lines = [
        f"{_key(key)} = {_literal(value)}"
        for key, value in tree.items()
        if not isinstance(value, dict) and value is not None
    ]
    if path and (lines or not any(isinstance(value, dict) for value in tree.values())):
        lines.insert(0, f"\n[{'.'.join(_key(part) for part in path)}]")
    for key, value in tree.items():
        if isinstance(value, dict):
            lines += _toml(value, (*path, key))
    return lines


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else _literal(key)


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_literal(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in value if item is not None) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # JSON's strings are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


COMMAND = Command(
    name="config",
    summary="check or show the configuration (secrets masked)",
    configure=_configure,
    run=_run,
)
