"""The hardware as data: its units and what follows from their parameters, the chains they make, and `folding.json`."""
