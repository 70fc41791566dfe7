"""What `benchmarks/cpu_engine.py` measures rebnet's engine against: one file for each library."""
