"""From a request line to a route: one look-up for plain paths, patterns for the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote

from dinrail_core.errors import NotFound
from dinrail_core.hooks.http import Refusal, Route, RouteGroup
from dinrail_core.host.operations import Declared, load_group
from dinrail_server.errors import MethodNotAllowed

__all__ = ["NO_VALUES", "Router", "Templates", "parameters", "template"]

NO_VALUES: Mapping[str, str] = MappingProxyType({})

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(:path)?\}")


@dataclass(frozen=True, slots=True)
class _Pattern:
    shape: tuple[int, ...]
    regex: re.Pattern[str]
    methods: dict[str, Route]


class Router:
    """The routes by method and path.

    A path without parameters is a resource of its own, whatever patterns fit it too. Where several patterns fit a path,
    the one whose fixed segments come first wins, whatever the order of declaration.

    Args:
        declared: The operations, no two with the same method and path; those of a group are loaded when a path of
            theirs is first asked for.
    """

    def __init__(self, declared: Sequence[Declared]) -> None:
        self._plain: dict[str, dict[str, Route]] = {}
        self._patterns: list[_Pattern] = []
        self._groups = {record.under: record for record in declared if isinstance(record, RouteGroup)}
        self._refusals = {record.under: record.refusal for record in self._groups.values() if record.refusal}
        self._add(record for record in declared if isinstance(record, Route))

    def _add(self, routes: Iterable[Route]) -> None:
        # Names of parameters are part of the key, since each pattern hands its own names to its handlers.
        patterns: dict[str, _Pattern] = {}
        for route in routes:
            if "{" not in route.path:
                self._plain.setdefault(route.path, {})[route.method] = route
                continue
            pattern = patterns.setdefault(route.path, _Pattern(_shape(route.path), _compile(route.path), {}))
            pattern.methods[route.method] = route
        self._patterns = sorted([*self._patterns, *patterns.values()], key=lambda pattern: pattern.shape)

    def _load(self, path: str) -> None:
        """Load the groups to which a path belongs."""
        end = len(path)
        while end > 0:
            group = self._groups.get(path[:end])
            if group is not None:
                self._add(load_group(group))
                del self._groups[group.under]
            end = path.rfind("/", 0, end)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route, and the values of its path's parameters.

        Args:
            method: The HTTP method. ``HEAD`` finds what ``GET`` finds.
            path: The path as it was sent, percent-encoded, without query.

        Raises:
            NotFound: There is no such path.
            MethodNotAllowed: There is, but not with this method.
            Unavailable: The routes there cannot be loaded.
        """
        wanted = "GET" if method == "HEAD" else method
        found = self._plain.get(path)
        if found is None and self._groups:
            self._load(path)
            found = self._plain.get(path)
        if found is not None and wanted in found:
            return found[wanted], NO_VALUES
        for pattern in self._patterns if found is None else ():
            if wanted in pattern.methods and (match := pattern.regex.fullmatch(path)) is not None:
                return pattern.methods[wanted], _decoded(match)
        allowed = self.methods(path)
        if not allowed:
            raise NotFound(f"Unknown request URL: {method[:20]} {path[:200]}. /openapi.json describes what there is.")
        raise MethodNotAllowed(f"Not allowed here: {method[:20]}. Allowed: {allowed}.", allowed=allowed)

    def refusal(self, path: str) -> Refusal | None:
        """How errors look under a path that no route takes, where whoever declares what is there says it."""
        end = len(path) if self._refusals else 0
        while end > 0:
            if (found := self._refusals.get(path[:end])) is not None:
                return found
            end = path.rfind("/", 0, end)
        return None

    def methods(self, path: str) -> str:
        """The methods that a path has, as the ``Allow`` header lists them; empty where there is no such path."""
        self._load(path)
        found = set(self._plain.get(path, ()))
        for pattern in self._patterns if not found else ():
            if pattern.regex.fullmatch(path):
                found.update(pattern.methods)
        return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))


def template(path: str) -> str:
    """A route's path as OpenAPI writes it: ``{model:path}`` becomes ``{model}``."""
    return _PARAMETER.sub(r"{\1}", path)


class Templates(dict[str, str]):
    """Routes' paths as OpenAPI writes them, each made once."""

    def __missing__(self, path: str) -> str:
        made = self[path] = template(path)
        return made


def parameters(path: str) -> list[str]:
    """The names of a path's parameters, in order."""
    return [match[1] for match in _PARAMETER.finditer(path)]


def _shape(path: str) -> tuple[int, ...]:
    """Sorts fixed segments before parameters, and those before parameters that swallow slashes."""
    return tuple(0 if "{" not in segment else 2 if segment.endswith(":path}") else 1 for segment in path.split("/"))


def _compile(path: str) -> re.Pattern[str]:
    parts, end = [], 0
    for match in _PARAMETER.finditer(path):
        parts.append(re.escape(path[end : match.start()]))
        parts.append(f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})")
        end = match.end()
    parts.append(re.escape(path[end:]))
    return re.compile("".join(parts))


def _decoded(match: re.Match[str]) -> dict[str, str]:
    try:
        return {name: unquote(value, errors="strict") for name, value in match.groupdict().items()}
    except UnicodeDecodeError:
        raise NotFound("The path is not UTF-8.") from None
