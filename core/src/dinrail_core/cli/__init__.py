"""The ``dinrail`` program: finds commands in plugins, shows help, and turns errors into one line.

Starting it imports neither a server nor a provider: only plugins whose metadata says that they add commands.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; see :func:`dinrail_core.cli.program.main`."""
    if arguments is None:
        # Nothing of what a start makes is garbage, and looking for some takes a tenth of it.
        gc.disable()
        # Plugins of pydantic would run at every validation without the operator's consent, and cost a reading of all
        # metadata. Who wants them sets the variable to nothing.
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from dinrail_core.cli.program import main

    return main(arguments)
