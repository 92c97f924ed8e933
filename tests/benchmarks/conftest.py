"""The benchmarks are a package of the tree's root, which is no place that Python looks into by itself."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
