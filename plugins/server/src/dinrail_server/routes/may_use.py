"""Whether the caller may use what a request names beside its model: services know no caller's rail."""

from __future__ import annotations

from dinrail_core.api.chat import ChatModel
from dinrail_core.api.chunking import ContextualChunking
from dinrail_core.api.documents.contract import Documents
from dinrail_core.errors import ModelNotFound
from dinrail_core.hooks.http import Exchange

__all__ = ["check_model", "check_strategy"]


async def check_model(exchange: Exchange, contract: type, model: object, param: str) -> None:
    """See that a model that the request names, if it names one, is there for the caller.

    Args:
        exchange: The request.
        contract: What it has to be.
        model: Its id; what is no text is none.
        param: The field that names it.

    Raises:
        ModelNotFound: It is not; ``param`` is that field.
        NothingServes: There is none at all.
    """
    if isinstance(model, str):
        try:
            await exchange.rail.resolve(contract, model)
        except ModelNotFound as error:
            error.param = param
            raise


async def check_strategy(exchange: Exchange, strategy: object, param: str = "chunking_strategy") -> None:
    """See that a model can write contexts where one is to, and that the caller may use one that is named."""
    if isinstance(strategy, ContextualChunking):
        model = strategy.contextual.model_id
        await check_model(exchange, ChatModel, model, f"{param}.contextual.model_id")
        (await exchange.rail.service(Documents)).check_strategy(strategy, param)
