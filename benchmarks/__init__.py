"""Side-by-side measurements: ``python -m benchmarks.NAME [--quick]`` prints a table and writes JSON."""
