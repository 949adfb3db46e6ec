"""Entry point of ``python -m local.slipway_cli``."""

import sys

from local.slipway_cli.main import main

sys.exit(main(sys.argv[1:]))
