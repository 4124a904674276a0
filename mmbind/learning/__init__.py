"""Cellar: networks, losses and the training loop, shared by encoders, training and evaluation.

torch is imported by the modules, not here. Read them in this order: ``compute`` (what the
numbers depend on), ``scaling``, ``augment``, ``networks``, ``losses``, ``loop``,
``checkpoint``, ``samples``.
"""
