"""`python -m callkit`: the command line."""

import sys

from callkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
