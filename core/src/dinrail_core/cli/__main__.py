"""``python -m dinrail_core.cli``."""

import sys

from dinrail_core.cli.program import main

sys.exit(main())
