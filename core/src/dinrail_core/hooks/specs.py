"""The hooks. Each is called once, while the host starts, and returns frozen records.

A hook does no I/O, registers nothing by side effect, imports nothing heavy and is never async. One that raises costs
its plugin, and only that one, its place on the rail.

A plugin is a module that an entry point names. Beside its hooks it states the plugin API that it was built for::

    DINRAIL_API = ">=1.0,<2"
"""

from __future__ import annotations

from collections.abc import Iterable

from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_core.hooks.markers import hookspec
from dinrail_core.hooks.records import Command, ProviderType, Section, ServiceType

__all__ = ["dinrail_commands", "dinrail_providers", "dinrail_routes", "dinrail_sections", "dinrail_services"]


@hookspec
def dinrail_providers() -> Iterable[ProviderType]:
    """Declare kinds of provider.

    Called before the configuration is checked, also where no instance of the kind is configured: the configuration
    class is needed to check with, and ``detect`` to find instances. Clients of upstreams, numpy and the like are
    imported in ``open``, not here. A plugin that implements only this hook calls out and widens nothing, so being
    installed is enough to enable it.

    Returns:
        One record per kind, usually one. A name that another plugin took first sets this plugin aside.

    Example::

        class EchoConfig(BaseModel, extra="forbid"):
            prefix: str = "echo: "

        @asynccontextmanager
        async def _open(config: EchoConfig, context: Context) -> AsyncIterator[object]:
            from dinrail_echo.provider import Echo

            yield Echo(config.prefix)

        @hookimpl
        def dinrail_providers() -> Iterable[ProviderType]:
            yield ProviderType(name="echo", config=EchoConfig, apis=frozenset({ChatModel, ModelSource}), open=_open)
    """
    raise NotImplementedError


@hookspec
def dinrail_services() -> Iterable[ServiceType]:
    """Declare stateful implementations of APIs.

    Called once all plugins are loaded. A service is opened when it is first asked for, behind what it requires, and
    closed in reverse; ``eager`` opens it at the start.
    The plugin's metadata must list ``services`` in the entry-point group ``dinrail.extends``.

    Returns:
        One record per service. Two services for one contract are refused, and both plugins are named.

    Example::

        @hookimpl
        def dinrail_services() -> Iterable[ServiceType]:
            yield ServiceType(name="notes", config=NotesConfig, provides=frozenset({Notes}), open=_open)
    """
    raise NotImplementedError


@hookspec
def dinrail_routes() -> Iterable[Route | RouteGroup]:
    """Declare operations of the HTTP interface.

    Called when a server is built; a program that embeds the host without one never calls it. Handlers know no web
    framework: they see an :class:`~dinrail_core.hooks.http.Exchange`. The plugin's metadata must list ``routes`` in
    the entry-point group ``dinrail.extends``.

    Returns:
        Routes. One that another plugin declared first (same method and path) sets this plugin aside. Groups of routes
        (:class:`~dinrail_core.hooks.http.RouteGroup`) keep the wire types of an API unmade until somebody uses it.

    Example::

        async def hello(exchange: Exchange) -> Answer[Hello]:
            return Answer.of(Hello(text=f"Hello {exchange.path['name']}"))

        def notes() -> Iterable[Route]:
            from dinrail_notes.routes import ROUTES

            return ROUTES

        @hookimpl
        def dinrail_routes() -> Iterable[Route | RouteGroup]:
            yield Route(
                method="GET", path="/v1/hello/{name}", handler=hello, summary="Greet", tag="Hello", answer=Hello
            )
            yield RouteGroup(under="/v1/notes", load=notes)
    """
    raise NotImplementedError


@hookspec
def dinrail_sections() -> Iterable[Section]:
    """Declare sections of the configuration.

    Called before the configuration is checked, so that an unknown section is an error. The plugin's metadata must list
    ``sections`` in the entry-point group ``dinrail.extends``.

    Returns:
        One record per section.

    Example::

        @hookimpl
        def dinrail_sections() -> Iterable[Section]:
            yield Section(name="greeting", config=GreetingConfig)
    """
    raise NotImplementedError


@hookspec
def dinrail_commands() -> Iterable[Command]:
    """Declare commands of the ``dinrail`` program.

    Called when the program parses its arguments, which must stay quick: import what a command needs in its ``run``.
    A command that needs one of the server's services has ``on_rail`` in the place of ``run`` and finds it by its
    contract; it names no host and reads no configuration.
    The plugin's metadata must list ``commands`` in the entry-point group ``dinrail.extends``; only such plugins are
    imported for it.

    Returns:
        Commands. A name that another plugin took first sets this plugin aside.

    Example::

        def run(arguments: argparse.Namespace) -> int:
            print(f"Hello {arguments.name}")
            return 0

        @hookimpl
        def dinrail_commands() -> Iterable[Command]:
            yield Command(
                name="hello",
                summary="Greet somebody",
                configure=lambda parser: parser.add_argument("name"),
                run=run,
            )

        async def count(arguments: argparse.Namespace, rail: Rail) -> int:
            notes = await rail.service(Notes)
            print(await notes.count())
            return 0

        Command(name="notes", summary="Count notes", configure=lambda parser: None, on_rail=count)
    """
    raise NotImplementedError
