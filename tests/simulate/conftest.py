"""Builds of a small network."""

from tests.simulate.builds import build, compiled, ready, run_folder, shared, simulated

__all__ = ["build", "compiled", "ready", "run_folder", "shared", "simulated"]
