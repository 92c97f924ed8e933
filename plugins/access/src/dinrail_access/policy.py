"""From configured rules to what one principal may do, use and see. Nothing in here waits or remembers a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from functools import cache

from dinrail_access.config import LimitConfig, RuleConfig, ShareConfig, Who
from dinrail_core.api.access import Policy
from dinrail_core.api.call import Principal, Share

__all__ = ["LIMITS", "RulePolicy", "fits", "limits_of", "matcher", "policy_of", "shares_of"]

Matches = Callable[[str], bool]

LIMITS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests", "stored_bytes")
"""What can be limited, as the configuration and keys call it."""

_REMEMBERED = 4096


@cache
def matcher(patterns: tuple[str, ...]) -> Matches:
    """Whether a name fits one of the patterns, in which ``*`` and ``?`` have the usual meaning and case matters."""
    whole = re.compile("|".join(translate(re.sub(r"\[", "[[]", pattern)) for pattern in patterns) or r"(?!)")
    return lambda name: whole.match(name) is not None


def fits(who: Who, principal: Principal) -> bool:
    """Whether a rule is about a principal."""
    return (
        (not who.tenants or matcher(who.tenants)(principal.tenant))
        and (not who.users or matcher(who.users)(principal.user or ""))
        and (not who.roles or any(map(matcher(who.roles), principal.roles)))
    )


def limits_of(limits: Iterable[LimitConfig], principal: Principal) -> dict[str, int]:
    """What the configuration limits for a principal, each by the first table that says something."""
    found: dict[str, int] = {}
    for table in limits:
        if fits(table, principal):
            for name in LIMITS:
                value = getattr(table, name)
                if value is not None:
                    found.setdefault(name, value)
    return found


def shares_of(rules: Iterable[ShareConfig], principal: Principal) -> tuple[Share, ...]:
    """What beyond its own a principal may see."""
    found = []
    for rule in rules:
        reading = not rule.to or any(map(matcher(rule.to), principal.roles))
        objects, writing = frozenset(rule.objects), rule.access == "write" and reading
        if rule.with_ == "tenant":
            if reading:
                found.append(Share(objects, None, reading, writing))
            continue
        wanted = matcher((rule.with_.removeprefix("role:"),))
        found += [Share(objects, role, reading, writing) for role in sorted(principal.roles) if wanted(role)]
    return tuple(dict.fromkeys(found))


def policy_of(rules: Iterable[RuleConfig], principal: Principal) -> RulePolicy:
    """What the configuration lets a principal do."""
    return RulePolicy([rule for rule in rules if fits(rule, principal)])


class RulePolicy(Policy):
    """What rules let somebody do: what one denies is denied; where some list what may be used, nothing else may.

    Args:
        rules: Those that are about the principal.
    """

    def __init__(self, rules: Sequence[RuleConfig]) -> None:
        self._models = _Decision(_gather(rules, "models"), _gather(rules, "deny_models"))
        self._providers = _Decision(_gather(rules, "providers"), _gather(rules, "deny_providers"))
        self._routes = _Decision(_gather(rules, "routes"), _gather(rules, "deny_routes"))

    @property
    def limits_models(self) -> bool:
        return self._models.limits or self._providers.limits

    def may_use(self, instance: str, model: str | None) -> bool:
        return self._providers(instance) and (model is None or self._models(f"{instance}/{model}"))

    def may_call(self, method: str, path: str) -> bool:
        return not self._routes.limits or self._routes(f"{method} {path}")


def _gather(rules: Iterable[RuleConfig], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pattern for rule in rules for pattern in getattr(rule, name)))


class _Decision:
    """Whether a name is allowed; remembered, since few names are asked for often."""

    __slots__ = ("_allowed", "_denied", "_known", "limits")

    def __init__(self, allow: tuple[str, ...], deny: tuple[str, ...]) -> None:
        self.limits = bool(allow or deny)
        self._allowed = matcher(allow) if allow else None
        self._denied = matcher(deny)
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = not self._denied(name) and (self._allowed is None or self._allowed(name))
            if len(self._known) < _REMEMBERED:  # names come from requests
                self._known[name] = known
        return known
