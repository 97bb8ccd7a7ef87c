"""What the gateway costs beside P, a bare pass-through of bytes: `python -m tests.benchmarks [--quick]`."""
