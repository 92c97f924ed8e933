"""Providers that list their models wrongly, or tell wrongly how they do."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from honest_provider import Honest
from wrong_provider import caught_by

from dinrail_core.api.call import Call
from dinrail_core.api.provider import Health, ModelInfo, State
from dinrail_core.errors import DinrailError, UpstreamUnavailable


class Edits(Honest):
    """Changes the list of models."""

    async def models(self) -> Sequence[ModelInfo]:
        return self.edit(list(await super().models()))

    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return models


@caught_by("models_names")
class LowersNames(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, id=model.id.lower()) for model in models]


@caught_by("models_names")
class CutsNames(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, id=model.id[:64]) for model in models]


@caught_by("models_names", "models_usable")
class QualifiesNames(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, id=f"kit/{model.id}") for model in models]


@caught_by("models_names")
class FiltersNames(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [model for model in models if ":" not in model.id]


@caught_by("models_names", "models_many")
class ListsTwice(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [*models, *models[-1:]]


@caught_by("models_details")
class MakesUpDates(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, created=int(time.time())) for model in models]


@caught_by("models_details")
class OwnsEverything(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, owned_by="wrong") for model in models]


@caught_by("models_context_length")
class GuessesContextLengths(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, context_length=model.context_length or 4096) for model in models]


@caught_by("models_context_length")
class LosesContextLengths(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, context_length=None) for model in models]


@caught_by("models_none")
class FallsBackToAList(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return models or [ModelInfo(id="gpt-4o")]


@caught_by("models_many")
class ReadsOnePage(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return models[:100]


@caught_by("models_now", "models_dead_upstream")
class RemembersModels(Honest):
    found: Sequence[ModelInfo] | None = None

    async def models(self) -> Sequence[ModelInfo]:
        if self.found is None:
            self.found = await super().models()
        return self.found


@caught_by("models_dead_upstream")
class ListsNothingOfADeadUpstream(Honest):
    async def models(self) -> Sequence[ModelInfo]:
        try:
            return await super().models()
        except DinrailError:
            return []


@caught_by("models_dead_upstream")
class ListsWhatItLastSaw(Honest):
    found: Sequence[ModelInfo] = ()

    async def models(self) -> Sequence[ModelInfo]:
        with suppress(DinrailError):
            self.found = await super().models()
        return self.found


@caught_by("models_cancelled")
class LooksOnInTheBackground(Honest):
    async def models(self) -> Sequence[ModelInfo]:
        return await asyncio.shield(asyncio.ensure_future(super().models()))


@caught_by("models_cancelled")
class TakesGivingUpForFailure(Honest):
    async def models(self) -> Sequence[ModelInfo]:
        try:
            return await super().models()
        except asyncio.CancelledError:
            raise UpstreamUnavailable("It was cancelled.") from None


@caught_by("models_usable")
class ListsForForeignContracts(Edits):
    def edit(self, models: list[ModelInfo]) -> Sequence[ModelInfo]:
        return [replace(model, contracts=frozenset({dict})) for model in models]


# How it does.


@caught_by("health_ready")
class NeverReady(Honest):
    async def health(self) -> Health:
        return Health(State.DEGRADED, "who knows")


@caught_by("health_ready")
class SaysYes(Honest):
    async def health(self) -> Any:
        return True


@caught_by("health_ready")
class TakesItsTime(Honest):
    async def health(self) -> Health:
        await asyncio.sleep(2.0)
        return await super().health()


@caught_by("health_unreachable", "health_failing", "health_silent")
class AlwaysReady(Honest):
    async def health(self) -> Health:
        return Health(State.READY)


@caught_by("health_unreachable")
class RaisesForADeadUpstream(Honest):
    async def health(self) -> Health:
        await self.models()
        return Health(State.READY)


@caught_by("health_unreachable")
class GivesNoReason(Honest):
    async def health(self) -> Health:
        return replace(await super().health(), reason=None)


@caught_by("health_unreachable")
class NeverRecovers(Honest):
    dead = False

    async def health(self) -> Health:
        found = await super().health()
        self.dead = self.dead or found.state is not State.READY
        return Health(State.UNREACHABLE, "it was dead once") if self.dead else found


@caught_by("health_failing")
class TakesAnyAnswerForReady(Honest):
    async def health(self) -> Health:
        try:
            await self.models()
        except UpstreamUnavailable:
            return Health(State.UNREACHABLE, "it does not answer")
        except DinrailError:
            pass
        return Health(State.READY)


@caught_by("health_failing")
class TakesRefusedKeysForReady(Honest):
    async def health(self) -> Health:
        found = await super().health()
        return Health(State.READY) if "key" in (found.reason or "") else found


@caught_by("health_silent")
class WaitsForASilentUpstream(Honest):
    async def health(self) -> Health:
        try:
            async with asyncio.timeout(2.5):
                await self.models()
        except TimeoutError:
            return Health(State.UNREACHABLE, "it is silent")
        return Health(State.READY)


@caught_by("health_silent")
class TakesSilenceForHealth(Honest):
    async def health(self) -> Health:
        found = await super().health()
        return Health(State.READY) if found.reason == "it does not answer" else found


@caught_by("health_cheap")
class GeneratesToLook(Honest):
    async def health(self) -> Health:
        payload = {"model": "kit-model", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 1}
        await self.fetch("POST", "/chat/completions", payload, Call())
        return await super().health()


@caught_by("health_cheap")
class EmbedsToLook(Honest):
    async def health(self) -> Health:
        await self.fetch("POST", "/embeddings", {"model": "kit-model", "input": "ping"}, Call())
        return await super().health()


@caught_by("health_secrets_hidden")
class ShowsTheKeyInTheReason(Honest):
    async def health(self) -> Health:
        found = await super().health()
        return replace(found, reason=f"{found.reason} {self.headers(Call())}")


@caught_by("health_secrets_hidden")
class LogsTheKeyWhenLooking(Honest):
    async def health(self) -> Health:
        logging.getLogger("wrong").info("looking with %s", self.headers(Call()))
        return await super().health()


@caught_by("health_cancelled")
class LooksOnWhenGivenUp(Honest):
    async def health(self) -> Health:
        return await asyncio.shield(asyncio.ensure_future(self.look()))

    async def look(self) -> Health:
        await self.models()
        return Health(State.READY)


@caught_by("health_cancelled")
class TakesGivingUpForSilence(Honest):
    async def health(self) -> Health:
        try:
            return await super().health()
        except asyncio.CancelledError:
            return Health(State.UNREACHABLE, "it does not answer")


@caught_by("health_at_once")
class BlocksToLook(Honest):
    async def health(self) -> Health:
        time.sleep(0.06)
        return await super().health()


@caught_by("health_at_once")
class LooksOneAtATime(Honest):
    looking = False

    async def health(self) -> Health:
        if self.looking:
            return Health(State.DEGRADED, "it is being looked at")
        self.looking = True
        try:
            return await super().health()
        finally:
            self.looking = False


@caught_by("health_closing")
class LeavesItsSessionOpen(Honest):
    abandons_session = True
