"""``python -m dinrail_core.cli``."""

import sys

from dinrail_core.cli import main

sys.exit(main())
