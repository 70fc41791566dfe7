"""`python -m rebnet`, the command line; what `torchrun -m rebnet` starts."""

from rebnet.cli import main

main()
