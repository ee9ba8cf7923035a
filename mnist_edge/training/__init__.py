"""Training: pixels in, a trained .keras file out.

``recipes``, ``augment``, ``strokes``, ``pruning``, ``calibrate``, ``epochs`` and ``history`` are
data and numpy; the others need TensorFlow, which comes with the extra "export".
"""
