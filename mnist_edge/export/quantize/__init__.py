"""The precisions a network is exported in: the table, and one module a kind."""

from mnist_edge.export.quantize.table import OVERHEAD_BYTES, PRECISIONS, Gate, Precision, chosen

__all__ = ["OVERHEAD_BYTES", "PRECISIONS", "Gate", "Precision", "chosen"]
