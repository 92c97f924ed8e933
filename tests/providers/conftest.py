"""Lets the tests import what stands beside them, and the programs of ``tools``."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
