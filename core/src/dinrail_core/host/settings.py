"""The operator's configuration: a TOML file, overridden by the environment, overridden by flags."""

from __future__ import annotations

import inspect
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks.outbound import Outbound
from dinrail_core.host.soundness import NAME

__all__ = [
    "DEFAULT_FILE",
    "OutboundSettings",
    "PluginSettings",
    "Settings",
    "did_you_mean",
    "ensure_valid",
    "load_settings",
]

DEFAULT_FILE = "dinrail.toml"
"""Read from the working directory where neither ``--config`` nor ``DINRAIL_CONFIG`` names a file."""

_PREFIX = "DINRAIL_"
_CONFIG_VARIABLE = "DINRAIL_CONFIG"
_NOT_OURS = re.compile(r"DINRAIL_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_\w+)?|URL|API_KEY)")
"""What Kubernetes sets in every pod where a service is called ``dinrail``, and what clients of a server go by; none of
it can be a key of ours."""

M = TypeVar("M", bound=BaseModel)


class PluginSettings(BaseModel):
    """``[plugins]``: which installed plugins may do what."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    enable: tuple[str, ...] = ()
    """Plugins outside the bundle that may extend the server (add routes, services, commands)."""
    disable: tuple[str, ...] = ()
    """Plugins that stay off although they are installed."""


class OutboundSettings(BaseModel):
    """``[outbound]``: what a URL inside a request (an image, a tool server, a webhook) may reach."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    allow_private: tuple[str, ...] = ()
    """Networks or addresses that may be reached beyond the public ones, like `10.20.0.0/16`."""

    @field_validator("allow_private")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value

    def policy(self) -> Outbound:
        """The same as plugins are given it."""
        return Outbound(tuple(ip_network(network) for network in self.allow_private))


class Settings(BaseModel):
    """The whole configuration; sections that plugins own stand in ``sections`` until their owner has checked them."""

    model_config = ConfigDict(frozen=True)

    data_dir: Path = Field(default=Path("~/.local/share/dinrail"), validate_default=True)
    """Where the embedded defaults keep databases, blobs, indexes and models."""
    models_refresh: float = Field(default=60.0, ge=1.0)
    """Seconds between two looks at a provider's list of models."""
    providers: dict[str, dict[str, Any]] = {}
    """Instances by name; ``type`` says of which kind, the other keys are that kind's own."""
    services: dict[str, dict[str, Any]] = {}
    """Settings of services by the service's name."""
    aliases: dict[str, str] = {}
    """Model ids that stand for others."""
    models: dict[str, dict[str, Any]] = {}
    """Models of the operator's own making, by name, and settings of others by their ids."""
    plugins: PluginSettings = PluginSettings.model_construct()
    """Which installed plugins may do what."""
    outbound: OutboundSettings = OutboundSettings.model_construct()
    """What a URL inside a request may reach."""
    sections: dict[str, dict[str, Any]] = Field(default={}, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _gather_sections(cls, data: dict[str, Any]) -> dict[str, Any]:
        own = cls.model_fields.keys() - {"sections"}
        sections = {key: value for key, value in data.items() if key not in own}
        for key, value in sections.items():
            if not isinstance(value, dict):
                raise ConfigurationError("unknown key", key=key)
        return {key: value for key, value in data.items() if key in own} | {"sections": sections}

    @field_validator("data_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return _at_home(value, "data_dir").absolute()

    @field_validator("providers")
    @classmethod
    def _name_instances(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, table in value.items():
            if not NAME.fullmatch(name):
                raise ConfigurationError(
                    "an instance's name has letters, digits, '.', '_', '-'", key=f"providers.{name}"
                )
            if not isinstance(table.get("type"), str):
                raise ConfigurationError(
                    'missing; say which kind of provider it is (type = "…")', key=f"providers.{name}.type"
                )
        return value

    @model_validator(mode="after")
    def _follow_aliases(self) -> Settings:
        for alias in self.aliases:
            seen, here = {alias}, self.aliases[alias]
            while here in self.aliases:
                if here in seen:
                    raise ConfigurationError(f"leads back to itself through '{here}'", key=f"aliases.{alias}")
                seen.add(here)
                here = self.aliases[here]
        return self


def load_settings(
    file: Path | None = None, environment: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Read the configuration.

    Args:
        file: The file that ``--config`` names; without one, ``DINRAIL_CONFIG`` or ``dinrail.toml`` where it exists.
        environment: Variables; the process's own where not given. ``DINRAIL_SERVER__PORT=1`` stands for
            ``[server] port = 1``; a value that begins with ``[`` or ``{`` is read as JSON.
        overrides: What flags say, as a tree like the file's.

    Raises:
        ConfigurationError: A file cannot be read, or a key is unknown or has a bad value; one line that names it.
    """
    variables = os.environ if environment is None else environment
    tree = _read_file(file, variables)
    for name, value in sorted(variables.items()):
        if name.startswith(_PREFIX) and name != _CONFIG_VARIABLE and not _NOT_OURS.fullmatch(name):
            _put(tree, name.removeprefix(_PREFIX).lower().split("__"), _value(name, value), name)
    _merge(tree, overrides or {})
    return ensure_valid(Settings, tree, "")


def ensure_valid(model: type[M], data: Mapping[str, Any], key: str) -> M:
    """Check a part of the configuration.

    Args:
        model: What the part must be.
        data: The part.
        key: Where it stands, dotted; empty for the whole.

    Raises:
        ConfigurationError: It does not fit; the message never repeats a value, since that may be a secret.
    """
    try:
        if not data and _has_plain_defaults(model):
            return model.model_construct()  # the defaults as they are: building a validator costs a start milliseconds
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(part for part in (key, *(str(step) for step in first["loc"])) if part)
        if first["type"] == "extra_forbidden":
            known = _known(model, first["loc"][:-1])
            told = f" (known here: {', '.join(sorted(known))})" if known is not None else ""
            raise ConfigurationError(
                f"unknown key{told}{did_you_mean(str(first['loc'][-1]), known or ())}", key=where
            ) from None
        if first["type"] == "missing":
            raise ConfigurationError("missing", key=where) from None
        raise ConfigurationError(first["msg"].removeprefix("Value error, "), key=where) from None
    except ConfigurationError:
        raise
    except Exception as error:  # a plugin's validator may raise anything; its text might repeat a secret
        raise ConfigurationError(f"checking it failed ({type(error).__name__})", key=key) from error


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not known: the one that it is most like, where there is such a one."""
    from difflib import get_close_matches  # by a mistake alone

    near = get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _known(model: type[BaseModel], steps: tuple[int | str, ...]) -> Iterable[str] | None:
    """The keys that there are behind ``steps``, as far as they lead from model to model."""
    for step in steps:
        if isinstance(step, int):
            continue
        annotation = model.model_fields[str(step)].annotation if step in model.model_fields else None
        below = [kind for kind in (annotation, *get_args(annotation)) if inspect.isclass(kind)]
        models = [kind for kind in below if issubclass(kind, BaseModel)]
        if len(models) != 1:
            return None
        model = models[0]
    return model.model_fields


def _has_plain_defaults(model: type[BaseModel]) -> bool:
    """Whether the defaults need no look: none is missing, and nothing was declared that would check them."""
    if model.__pydantic_decorators__.model_validators or model.model_config.get("validate_default"):
        return False
    return not any(field.is_required() or field.validate_default for field in model.model_fields.values())


def _read_file(file: Path | None, variables: Mapping[str, str]) -> dict[str, Any]:
    if file is None and variables.get(_CONFIG_VARIABLE):
        file = Path(variables[_CONFIG_VARIABLE])
    if file is None:
        file = Path(DEFAULT_FILE)
        if not file.exists():
            return {}
    try:
        return tomllib.loads(_at_home(file, _CONFIG_VARIABLE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {file} ({type(error).__name__})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not TOML: {error}") from None


def _value(name: str, text: str) -> Any:
    if text[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError("begins like JSON, but is not", key=name) from None


def _put(tree: dict[str, Any], path: list[str], value: Any, name: str) -> None:
    """Set one variable's value; a name in the file is found without regard to case, ``-`` standing as ``_``."""
    if not all(path):
        raise ConfigurationError("names no key", key=name)
    here: Any = tree
    for step in path[:-1]:
        here = here.setdefault(_existing(here, step), {})
        if not isinstance(here, dict):
            raise ConfigurationError("stands below a key that is not a table", key=name)
    here[_existing(here, path[-1])] = value


def _existing(table: Mapping[str, Any], step: str) -> str:
    for key in table:
        if key.lower().replace("-", "_") == step:
            return key
    return step


def _merge(tree: dict[str, Any], overrides: Mapping[str, Any]) -> None:
    for key, value in overrides.items():
        if isinstance(value, Mapping):
            below = tree.setdefault(key, {})
            if not isinstance(below, dict):
                raise ConfigurationError("must be a table", key=key)
            _merge(below, value)
        elif value is not None:
            tree[key] = value


def _at_home(path: Path, key: str) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise ConfigurationError("there is no home directory that '~' could stand for", key=key) from None
