"""The command ``python -m local.live_check``."""

import sys

from local.live_check.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
