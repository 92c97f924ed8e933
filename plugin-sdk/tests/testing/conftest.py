"""Lets the tests of the kit import the providers beside them, the right one and the wrong ones."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
