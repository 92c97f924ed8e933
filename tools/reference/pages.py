"""Which pages there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.reference.commands import commands_page
from tools.reference.configuration import configuration_page
from tools.reference.contracts import contracts_page
from tools.reference.errors import errors_page
from tools.reference.hooks import hooks_page
from tools.reference.plugins import metadata_page, plugins_page
from tools.reference.providers import providers_page
from tools.reference.routes import routes_page
from tools.reference.tree import Tree
from tools.reference.vector_backends import vector_backends_page

__all__ = ["ROOT", "pages"]

ROOT = Path(__file__).parents[2]

_PAGES: Mapping[str, Callable[[Tree], str]] = {
    "docs/plugins.md": plugins_page,
    "docs/reference/cli.md": commands_page,
    "docs/reference/configuration.md": configuration_page,
    "docs/reference/contracts.md": contracts_page,
    "docs/reference/errors.md": errors_page,
    "docs/reference/hooks.md": hooks_page,
    "docs/reference/plugin-metadata.md": metadata_page,
    "docs/reference/providers.md": providers_page,
    "docs/reference/routes.md": routes_page,
    "docs/reference/vector-backends.md": vector_backends_page,
}

_NOTICE = "<!-- Written by `make docs`, out of the code. Change it there. -->\n\n"


def pages() -> dict[str, str]:
    """The text of every generated page, by its path in the repository."""
    tree = Tree(ROOT)
    return {path: _NOTICE + re.sub(r"\n{3,}", "\n\n", write(tree).strip()) + "\n" for path, write in _PAGES.items()}
