"""What runs inside: reads code from its standard input, and runs it as a notebook would run a cell.

Output and errors go to the standard output, which is one stream so that their order is kept. Figures of matplotlib that
are open at the end are written to descriptor 3, a data URL in each line. The standard library alone is needed.
"""

from __future__ import annotations

import ast
import os
import sys
import traceback
from typing import Any

__all__ = ["main"]

_NAME = "<code>"


def _show_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    import base64
    import io

    for number in pyplot.get_fignums():
        picture = io.BytesIO()
        pyplot.figure(number).savefig(picture, format="png")
        url = b"data:image/png;base64," + base64.b64encode(picture.getvalue()) + b"\n"
        while url:
            url = url[os.write(3, url) :]


def _run(code: str) -> None:
    """Run it; the value of a last line that is an expression is shown."""
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    tree = ast.parse(code, _NAME)
    last = None
    if tree.body and isinstance(shown := tree.body[-1], ast.Expr):
        last = ast.Expression(shown.value)
        tree.body.pop()
    exec(compile(tree, _NAME, "exec"), names)  # noqa: S102  # this is what it is for, inside the jail
    if last is not None:
        value = eval(compile(last, _NAME, "eval"), names)  # noqa: S307  # likewise
        if value is not None:
            print(repr(value))


def main() -> None:
    """Run what stands in the standard input."""
    code = sys.stdin.buffer.read().decode("utf-8", "replace")
    os.dup2(1, 2)
    sys.stdin = open(os.devnull, encoding="ascii")  # noqa: SIM115  # for as long as the process lives
    sys.path.insert(0, "/mnt/data")
    failed = False
    try:
        _run(code)
    except SystemExit as error:
        failed = error.code not in (None, 0)
    except BaseException as error:  # whatever the code raises is shown
        failed = True
        if isinstance(error, SyntaxError):
            traceback.print_exception(type(error), error, None)
        else:
            trace = error.__traceback__
            while trace is not None and trace.tb_frame.f_code.co_filename != _NAME:
                trace = trace.tb_next
            traceback.print_exception(type(error), error, trace)
    try:
        _show_figures()
    except Exception:  # a figure that cannot be drawn is the code's fault, and shown
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
