"""`python -m firewall` is `memfw`."""

import sys

from firewall.cli import main

if __name__ == "__main__":
    sys.exit(main())
