"""One name for several models: spreading the load, falling back, and what requests do not say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dinrail_core.api.answers import Stream
from dinrail_core.api.call import Call
from dinrail_core.api.responses.owned import UNREADABLE
from dinrail_core.api.told import ToldToOne
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import ConfigurationError, DinrailError, UpstreamTimeout
from dinrail_core.hooks.context import Price, Target
from dinrail_core.host.dispatch.failures import failure_of, is_ill
from dinrail_core.host.dispatch.settings import ModelSettings, TargetSettings
from dinrail_core.host.settings import ensure_valid

__all__ = ["INSTANCE", "MODEL", "Find", "RoutedModel", "routed_models"]

Find = Callable[[str], Awaitable[Target[Any]]]
"""Where a model id leads, for the contract by which it is asked."""

INSTANCE = "x-dinrail-instance"
"""The header that says which instance has answered."""
MODEL = "x-dinrail-model"
"""The header that says which model has answered, by its whole id."""

_ILL_AFTER = 3
"""Failures in a row after which a target is asked behind the others."""
_ILL_FOR = 10.0
"""Seconds for which it is."""


@dataclass(slots=True)
class _State:
    """What is known of one target.

    Attributes:
        weight: Its part of the load.
        turn: Grows until it is its turn (smooth weighted round robin).
        busy: Calls that are under way.
        failed: Failures in a row.
        failed_at: When the last one was.
    """

    weight: float
    turn: float = 0.0
    busy: int = 0
    failed: int = 0
    failed_at: float = 0.0

    @property
    def ill(self) -> bool:
        return self.failed >= _ILL_AFTER and time.monotonic() - self.failed_at < _ILL_FOR


class RoutedModel:
    """A model of the operator's own making.

    Args:
        name: Its name.
        settings: What it stands for.
    """

    def __init__(self, name: str, settings: ModelSettings) -> None:
        self.name = name
        self.settings = settings
        targets = settings.targets or (TargetSettings(model=name),)
        self._targets = {target.model: _State(target.weight) for target in targets}
        if len(self._targets) < len(targets):
            raise ConfigurationError("a model stands there twice; give it a weight", key=f"models.{name}.targets")

    @property
    def leads_to(self) -> Sequence[str]:
        """The models that it may ask, itself included where it only has settings of its own."""
        return [*self._targets, *self.settings.fallback]

    @property
    def price(self) -> Price | None:
        """What it costs, where the operator says."""
        price = self.settings.price
        return Price(price.input, price.output) if price is not None else None

    async def ask(self, find: Find, method: str, request: Any, call: Call) -> Any:
        """Ask one model after the other until one answers.

        A caller's own key for the upstream is one of the first model's instance: it is shown to no other instance, and
        chance does not choose. A history that one has compacted is told to that one alone.

        Args:
            find: Where the models are found; one that may not be used is not there.
            method: The method of the contract by which they are asked.
            request: As it came.
            call: On whose behalf.

        Raises:
            DinrailError: None has answered: why the first has not. Or one has failed as others would.
        """
        request = self._with_defaults(request)
        first: DinrailError | None = None
        unreadable: DinrailError | None = None
        own = await self._owner(find) if call.upstream_key is not None else None
        for model in self._order() if own is None else dict.fromkeys(self.leads_to):
            try:
                target = await find(model)
                if own is None or target.instance == own:
                    return await self._ask_one(target, method, model, request, call)
            except DinrailError as error:
                if error.code == UNREADABLE:  # another may be the one that has compacted the history
                    unreadable = error
                    continue
                failure = failure_of(error)
                first = first or error
                if failure is None or failure not in self.settings.fallback_on or call.remaining() == 0:
                    raise
        found = first or unreadable
        assert found is not None
        raise found

    async def _owner(self, find: Find) -> str:
        """The instance that is shown a caller's own key."""
        return (await find(self.leads_to[0])).instance

    def _order(self) -> list[str]:
        """The models, the one whose turn it is first; what has failed lately stands behind the rest."""
        states = self._targets
        well = [model for model, state in states.items() if not state.ill] or list(states)
        if self.settings.balance == "least-busy":
            well.sort(key=lambda model: (states[model].busy + 1) / states[model].weight)
        elif len(well) > 1:
            for model in well:
                states[model].turn += states[model].weight
            well.sort(key=lambda model: -states[model].turn)
            states[well[0]].turn -= sum(states[model].weight for model in well)
        return list(dict.fromkeys([*well, *states, *self.settings.fallback]))

    async def _ask_one(self, target: Target[Any], method: str, model: str, request: Any, call: Call) -> Any:
        state = self._targets.get(model) or _State(1.0)
        request = request.model_copy(update={"model": target.model})
        if isinstance(request, ToldToOne) and not target.leads_to:
            request = request.told_to(target.instance)
        for left in range(self.settings.retries, -1, -1):
            state.busy += 1
            try:
                result = await self._in_time(getattr(target.provider, method)(request, call), target)
            except BaseException as error:  # however it ends, it is not under way any more
                state.busy -= 1
                if not isinstance(error, DinrailError):
                    raise
                if is_ill(error):
                    state.failed += 1
                    state.failed_at = time.monotonic()
                if left == 0 or not is_ill(error) or call.remaining() == 0:
                    raise
            else:
                state.failed = 0
                return self._answered(result, state, target)
        raise AssertionError("unreachable")

    async def _in_time(self, asking: Any, target: Target[Any]) -> Any:
        if self.settings.timeout is None:
            return await asking
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await asking
        except TimeoutError:
            raise UpstreamTimeout(
                f"The provider '{target.instance}' has not answered within {self.settings.timeout:g} s."
            ) from None

    def _answered(self, result: Any, state: _State, target: Target[Any]) -> Any:
        if MODEL not in result.headers:  # the innermost knows
            told = {INSTANCE: target.instance, MODEL: f"{target.instance}/{target.model}"}
            result.headers = {**result.headers, **told}
        if isinstance(result, Stream):
            return result.also_close(partial(_done, state))
        state.busy -= 1
        return result

    def _with_defaults(self, request: Any) -> Any:
        """The request with what it leaves to the operator; an API has only those parameters that it knows."""
        wire = type(request)
        open_ended = {"messages", "prompt"} & wire.model_fields.keys()
        missing = {
            name: value
            for name, value in self.settings.defaults.items()
            if name not in request.model_fields_set and (open_ended or name in wire.model_fields)
        }
        if not missing:
            return request
        return decode_request(wire, {**request.model_dump(exclude_unset=True), **missing})


def _done(state: _State) -> None:
    state.busy -= 1


def routed_models(settings: Mapping[str, Mapping[str, Any]], aliases: Mapping[str, str]) -> Mapping[str, RoutedModel]:
    """The models of ``[models]``, by name.

    Args:
        settings: What the operator has written.
        aliases: Other names of models.

    Raises:
        ConfigurationError: A key does not fit, or a model leads back to itself or is an alias too.
    """
    models = {
        name: RoutedModel(name, ensure_valid(ModelSettings, table, f"models.{name}"))
        for name, table in settings.items()
    }
    for name in models:
        if name in aliases:
            raise ConfigurationError("is an alias too", key=f"models.{name}")
        _refuse_circles(models, aliases, (name,))
    return models


def _refuse_circles(models: Mapping[str, RoutedModel], aliases: Mapping[str, str], behind: tuple[str, ...]) -> None:
    name = behind[-1]
    for model in models[name].leads_to:
        here = model
        while here in aliases:
            here = aliases[here]
        if here == name and model == name:
            continue  # settings of its own
        if here in behind:
            raise ConfigurationError(f"leads back to itself through '{model}'", key=f"models.{behind[0]}")
        if here in models:
            _refuse_circles(models, aliases, (*behind, here))
