"""The precisions a network is exported in: the table, and one module a kind.

    table.py               each precision with its gate
    stored.py              fp32, fp16, int8-weights
    dynamic.py, int4.py    int8-dynamic and int4
    static.py              int8, from the graph that rewriting/ makes for integer kernels:
                           which tensors (plan.py), their ranges (ranges.py, moments.py), the
                           weights (weights.py, rounding.py), and the file (qdq.py)
    speed.py               whether int8 is worth its while on the CPU at hand
    onnxruntime_tools.py   keeps onnxruntime's quantizers quiet

A new precision is one module, one row in table.py, and its name in the help of export --precision.
"""

from mnist_edge.export.quantize.table import OVERHEAD_BYTES, PRECISIONS, Gate, Precision, chosen

__all__ = ["OVERHEAD_BYTES", "PRECISIONS", "Gate", "Precision", "chosen"]
