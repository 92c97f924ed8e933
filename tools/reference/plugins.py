"""``docs/plugins.md`` and ``docs/reference/plugin-metadata.md``."""

from __future__ import annotations

from dinrail_core import PLUGIN_API
from dinrail_core.hooks import specs
from dinrail_core.hooks.markers import ENTRY_POINTS, EXTENDS
from tools.reference.docstrings import cell, first_sentence
from tools.reference.tree import Tree

__all__ = ["metadata_page", "plugins_page"]

_METADATA = """\
# Plugin metadata

A plugin is an installed distribution that names a module in the entry-point group `{group}`. The name on the left is
the plugin's: what `[plugins] enable` and `disable` say, and the first column of `dinrail plugins`.

```toml
[project]
name = "dinrail-acme"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["dinrail-core>=0.1,<0.2"]

[project.entry-points.{group}]
acme = "dinrail_acme.plugin"

[project.entry-points."{extends}"]      # only where it adds more than providers
commands = "dinrail_acme.plugin"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
```

## `{group}`: which module it is

The module is imported when the plugin is enabled, so it imports little: the core, pydantic, the standard library.
What it needs to work is imported when something of it is opened.

## `{extends}`: what it adds

A plugin that only calls out, to a model server say, is enabled by being installed. One that does more says so here, a
line for each hook that it implements beside `dinrail_providers`, and stays off until the operator names it
(`[plugins] enable = ["acme"]`) unless the bundle depends on it. A hook that is implemented and not listed sets the
plugin aside.

| line | hook | |
|---|---|---|
{hooks}

## `DINRAIL_API`: which core it was built for

```python
DINRAIL_API = ">={major}.{minor},<{next}"
```

The module states the range of the plugin API that it was built for, as clauses with `>=`, `<=`, `==`, `<` or `>` and
one or two numbers. This core has **{major}.{minor}**. A plugin outside its range, or without one, is set aside with a
sentence that says so. The first number grows when plugins must change, the second when they need not.
"""

_PLUGINS = """\
# Plugins

The distributions of this repository. Everything that does something is one of them; the core does nothing by itself.
Those that the bundle `dinrail` depends on are installed with it, the others with `pip install` and their name.
Contracts in brackets are fulfilled where the configuration says so.

| plugin | what it is | serves | adds |
|---|---|---|---|
{rows}

Somebody else's plugin is picked up by `pip install` alone. What its metadata must say is on the page [plugin
metadata](reference/plugin-metadata.md), how one is written in [your first provider](tutorial/your-first-provider.md).
"""


def metadata_page(tree: Tree) -> str:
    """What a plugin's ``pyproject.toml`` and its module state."""
    hooks = [
        f"| `{name.removeprefix('dinrail_')}` | [`{name}`](hooks.md#{name}) "
        f"| {cell(first_sentence(getattr(specs, name).__doc__))} |"
        for name in specs.__all__
        if name != "dinrail_providers"
    ]
    major, minor = PLUGIN_API
    return _METADATA.format(
        group=ENTRY_POINTS, extends=EXTENDS, hooks="\n".join(hooks), major=major, minor=minor, next=major + 1
    )


def plugins_page(tree: Tree) -> str:
    """The distributions under ``plugins/``."""
    rows = []
    for member in tree.members:
        name = member.project["name"]
        serves = {kind.__name__ for owner, record in tree.providers if owner == name for kind in record.apis}
        on_request = {kind.__name__ for owner, record in tree.providers if owner == name for kind in record.optional}
        serves |= {kind.__name__ for owner, service in tree.services if owner == name for kind in service.provides}
        listed = [*(f"`{kind}`" for kind in sorted(serves)), *(f"(`{kind}`)" for kind in sorted(on_request))]
        adds = sorted({hook for plugin in member.installed for hook in plugin.extends})
        rows.append(
            f"| [`{name}`](../{member.folder}/README.md) | {cell(member.project['description'])} "
            f"| {', '.join(listed)} | {', '.join(adds)} |"
        )
    return _PLUGINS.format(rows="\n".join(rows))
