"""What the server costs, measured against a bare byte relay in the same run; ``python -m benchmarks``."""
