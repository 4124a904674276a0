"""Cellar: networks, losses and the training loop, shared by encoders, training and evaluation.

torch is imported by the modules, not here. Read them in this order: ``compute`` (what the
numbers depend on), ``scaling``, ``augment``, ``networks`` (and its rivals ``recurrent`` and
``attention``; ``kinds`` names all three), ``losses``, ``loop``, ``checkpoint``, ``samples``.
"""
