"""Finding routes."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import DinrailError, NotFound, Unavailable
from dinrail_core.hooks.http import Exchange, Method, Reply, Route, RouteGroup
from dinrail_server.errors import MethodNotAllowed
from dinrail_server.routing import Router, parameters, template


async def _handler(exchange: Exchange) -> Reply:
    return Reply()


def _route(method: Method, path: str) -> Route:
    return Route(method=method, path=path, handler=_handler, summary="s", tag="t")


ROUTER = Router(
    [
        _route("GET", "/v1/files/{file:path}"),
        _route("GET", "/v1/files/{file}/content"),
        _route("DELETE", "/v1/files/{file}"),
        _route("GET", "/v1/files/mine"),
        _route("GET", "/v1/files"),
        _route("POST", "/v1/files"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "found", "values"),
    [
        ("GET", "/v1/files", "/v1/files", {}),
        ("GET", "/v1/files/mine", "/v1/files/mine", {}),
        ("HEAD", "/v1/files/mine", "/v1/files/mine", {}),
        ("GET", "/v1/files/a", "/v1/files/{file:path}", {"file": "a"}),
        ("GET", "/v1/files/a/content", "/v1/files/{file}/content", {"file": "a"}),
        ("GET", "/v1/files/a/b/content", "/v1/files/{file:path}", {"file": "a/b/content"}),
        ("DELETE", "/v1/files/a%2Fb", "/v1/files/{file}", {"file": "a/b"}),
        ("DELETE", "/v1/files/%C3%BC%25", "/v1/files/{file}", {"file": "ü%"}),
    ],
)
def test_the_most_exact_pattern_wins(method: str, path: str, found: str, values: dict[str, str]) -> None:
    route, given = ROUTER.find(method, path)
    assert (route.path, dict(given)) == (found, values)


def test_a_plain_path_has_its_own_methods_alone() -> None:
    with pytest.raises(MethodNotAllowed):
        ROUTER.find("DELETE", "/v1/files/mine")
    assert ROUTER.methods("/v1/files/mine") == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/files/", "/v1/filesx", "/V1/files", "//v1/files"])
def test_what_is_not_declared_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        ROUTER.find("GET", path)


def test_a_path_that_is_not_utf_8_is_not_found() -> None:
    with pytest.raises(NotFound):
        ROUTER.find("DELETE", "/v1/files/%ff")


def test_the_methods_that_there_are_are_told() -> None:
    with pytest.raises(MethodNotAllowed) as caught:
        ROUTER.find("PATCH", "/v1/files/a")
    assert caught.value.allowed == "DELETE, GET, HEAD"
    assert ROUTER.methods("/v1/files") == "GET, HEAD, POST"
    assert ROUTER.methods("/nope") == ""


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_id_survives_the_way_through_the_path(name: str) -> None:
    _, values = ROUTER.find("DELETE", f"/v1/files/{quote(name, safe='')}")
    assert values == {"file": name}


def test_openapi_knows_no_converters() -> None:
    assert template("/v1/models/{model:path}") == "/v1/models/{model}"
    assert parameters("/v1/{a}/x/{b:path}") == ["a", "b"]


class _Group:
    """A group that notes when it is loaded."""

    def __init__(self, under: str, *routes: Route) -> None:
        self.loads = 0
        self.routes = routes
        self.declared = RouteGroup(under=under, load=self._load)

    def _load(self) -> tuple[Route, ...]:
        self.loads += 1
        return self.routes


def test_a_group_is_loaded_once_when_a_path_of_its_own_is_asked_for() -> None:
    files = _Group("/v1/files", _route("GET", "/v1/files"), _route("GET", "/v1/files/{file}"))
    router = Router([_route("GET", "/v1/{anything:path}"), files.declared, _route("GET", "/v1/models")])
    assert router.find("GET", "/v1/models")[0].path == "/v1/models"
    assert router.find("GET", "/v1/filesx")[0].path == "/v1/{anything:path}"
    assert files.loads == 0
    for _ in range(2):
        assert router.find("GET", "/v1/files/a")[0].path == "/v1/files/{file}"
        assert router.find("GET", "/v1/files")[0].path == "/v1/files"
    assert files.loads == 1


def test_the_methods_of_a_path_are_known_before_anything_was_asked_for() -> None:
    files = _Group("/v1/files", _route("GET", "/v1/files"), _route("POST", "/v1/files"))
    assert Router([files.declared]).methods("/v1/files") == "GET, HEAD, POST"


def test_a_group_that_cannot_be_loaded_costs_its_own_paths() -> None:
    router = Router([_Group("/v1/files", _route("GET", "/v1/other")).declared, _route("GET", "/v1/models")])
    for _ in range(2):
        with pytest.raises(Unavailable, match="does not stand under /v1/files"):
            router.find("GET", "/v1/files")
    assert router.find("GET", "/v1/models")[0].path == "/v1/models"


def test_a_group_says_how_errors_look_where_none_of_its_routes_is() -> None:
    def refusal(error: DinrailError, request_id: str) -> bytes:
        return b"{}"

    outer = RouteGroup(under="/v1/messages", load=lambda: [_route("POST", "/v1/messages")], refusal=refusal)
    router = Router([outer, _route("GET", "/v1/models")])
    assert router.refusal("/v1/messages") is refusal
    assert router.refusal("/v1/messages/batches/a") is refusal
    assert router.refusal("/v1/messagesx") is None
    assert router.refusal("/v1/models") is None
