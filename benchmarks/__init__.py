"""Benchmarks: what mmbind costs beside the least that the same work can cost.

Each benchmark is a module that is run by hand, ``python -m benchmarks.<name>``, prints ratios
and writes its section of ``results.md``. Times are taken here and nowhere else: no test fails
because a machine is slow. ``benchmarks.gap`` alone tells not what pairing costs but what it is worth.
"""
