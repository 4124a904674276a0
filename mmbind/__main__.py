"""``python -m mmbind``: the command line."""

from mmbind.cli import main

main()
