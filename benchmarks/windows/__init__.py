"""What the stage ``window`` costs beside one loop over the readings: ``python -m benchmarks.windows``."""
