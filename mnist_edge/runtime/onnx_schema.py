"""The fields of an ONNX file that we read and know, as data.

Numbers and names: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. What is not listed is
refused (``protobuf``), and what people know by a name is refused by that name: weights outside the
file, or where they could be outside, and graphs within nodes, which are loops and branches.

``ANY_MODEL`` is for telling what a file of others is, and for nothing that is run: there such parts
are passed over unread.
"""

from mnist_edge.runtime.protobuf import Field, Kind, Schema

ENTRY: Schema = {
    1: Field("key", Kind.STRING),
    2: Field("value", Kind.STRING),
}

OPSET: Schema = {
    1: Field("domain", Kind.STRING),
    2: Field("version", Kind.INT64),
}

ATTRIBUTE: Schema = {
    1: Field("name", Kind.STRING),
    2: Field("f", Kind.FLOAT),
    3: Field("i", Kind.INT64),
    4: Field("s", Kind.BYTES),
    5: Field("t", refused="weights in a node"),
    6: Field("g", refused="a graph in a node"),
    7: Field("floats", Kind.FLOATS, repeated=True),
    8: Field("ints", Kind.INT64S, repeated=True),
    10: Field("tensors", refused="weights in a node"),
    11: Field("graphs", refused="graphs in a node"),
    13: Field("doc_string", Kind.STRING),
    20: Field("type", Kind.INT32),
    22: Field("sparse_tensor", refused="sparse weights in a node"),
    23: Field("sparse_tensors", refused="sparse weights in a node"),
}

NODE: Schema = {
    1: Field("input", Kind.STRING, repeated=True),
    2: Field("output", Kind.STRING, repeated=True),
    3: Field("name", Kind.STRING),
    4: Field("op_type", Kind.STRING),
    5: Field("attribute", ATTRIBUTE, repeated=True),
    6: Field("doc_string", Kind.STRING),
    7: Field("domain", Kind.STRING),
}

TENSOR: Schema = {
    1: Field("dims", Kind.INT64S, repeated=True),
    2: Field("data_type", Kind.INT32),
    4: Field("float_data", Kind.FLOATS, repeated=True),
    5: Field("int32_data", Kind.INT32S, repeated=True),
    7: Field("int64_data", Kind.INT64S, repeated=True),
    8: Field("name", Kind.STRING),
    9: Field("raw_data", Kind.BYTES),
    12: Field("doc_string", Kind.STRING),
    13: Field("external_data", refused="weights in another file"),
    14: Field("data_location", Kind.INT32),
}

DIMENSION: Schema = {
    1: Field("dim_value", Kind.INT64),
    2: Field("dim_param", Kind.STRING),
    3: Field("denotation", Kind.STRING),
}

SHAPE: Schema = {
    1: Field("dim", DIMENSION, repeated=True),
}

TENSOR_TYPE: Schema = {
    1: Field("elem_type", Kind.INT32),
    2: Field("shape", SHAPE),
}

TYPE: Schema = {
    1: Field("tensor_type", TENSOR_TYPE),
    6: Field("denotation", Kind.STRING),
}

VALUE_INFO: Schema = {
    1: Field("name", Kind.STRING),
    2: Field("type", TYPE),
    3: Field("doc_string", Kind.STRING),
}

GRAPH: Schema = {
    1: Field("node", NODE, repeated=True),
    2: Field("name", Kind.STRING),
    5: Field("initializer", TENSOR, repeated=True),
    10: Field("doc_string", Kind.STRING),
    11: Field("input", VALUE_INFO, repeated=True),
    12: Field("output", VALUE_INFO, repeated=True),
    13: Field("value_info", VALUE_INFO, repeated=True),
    15: Field("sparse_initializer", refused="sparse weights"),
}

MODEL: Schema = {
    1: Field("ir_version", Kind.INT64),
    2: Field("producer_name", Kind.STRING),
    3: Field("producer_version", Kind.STRING),
    4: Field("domain", Kind.STRING),
    5: Field("model_version", Kind.INT64),
    6: Field("doc_string", Kind.STRING),
    7: Field("graph", GRAPH),
    8: Field("opset_import", OPSET, repeated=True),
    14: Field("metadata_props", ENTRY, repeated=True),
    20: Field("training_info", refused="training information"),
    25: Field("functions", refused="functions"),
}

_SKIPPED = Kind.BYTES
"""A part that is not looked into, so that nothing nests without end."""


def _skipped(**names: int) -> Schema:
    """Return fields that are passed over, by their numbers."""
    return {number: Field(name, _SKIPPED, repeated=True) for name, number in names.items()}


_ANY_TENSOR: Schema = {
    **TENSOR,
    **_skipped(segment=3, string_data=6, double_data=10, uint64_data=11, metadata_props=16),
    **_skipped(external_data=13),
}

_ANY_ATTRIBUTE: Schema = {
    **ATTRIBUTE,
    5: Field("t", _ANY_TENSOR),
    **_skipped(g=6, strings=9, tensors=10, graphs=11, tp=14, type_protos=15, ref_attr_name=21),
    **_skipped(sparse_tensor=22, sparse_tensors=23),
}

_ANY_NODE: Schema = {
    **NODE,
    5: Field("attribute", _ANY_ATTRIBUTE, repeated=True),
    **_skipped(overload=8, metadata_props=9, device_configurations=10),
}

_ANY_TYPE: Schema = {
    **TYPE,
    **_skipped(sequence_type=4, map_type=5, opaque_type=7, sparse_tensor_type=8, optional_type=9),
}

_ANY_VALUE_INFO: Schema = {
    **VALUE_INFO,
    2: Field("type", _ANY_TYPE),
    **_skipped(metadata_props=4),
}

_ANY_GRAPH: Schema = {
    **GRAPH,
    1: Field("node", _ANY_NODE, repeated=True),
    5: Field("initializer", _ANY_TENSOR, repeated=True),
    11: Field("input", _ANY_VALUE_INFO, repeated=True),
    12: Field("output", _ANY_VALUE_INFO, repeated=True),
    **_skipped(value_info=13, quantization_annotation=14, sparse_initializer=15),
    **_skipped(metadata_props=16),
}

ANY_MODEL: Schema = {
    **MODEL,
    7: Field("graph", _ANY_GRAPH),
    **_skipped(training_info=20, functions=25, configuration=26),
}
"""All fields of an ONNX file of anybody's."""
