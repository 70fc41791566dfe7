"""Running a network on the CPU."""
