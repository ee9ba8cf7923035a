import onnx
import pytest
from onnx import TensorProto, helper

from mnist_edge import ModelError, Predictor
from mnist_edge.model_spec import UNIT_PIXELS
from mnist_edge.runtime import model_file
from mnist_edge.runtime.foreign_file import ForeignFile, Tensor
from mnist_edge.runtime.model_file import ModelFile
from tests import models


def told(model: onnx.ModelProto) -> ForeignFile:
    """What is told of a file of others."""
    found = model_file.read_any(model.SerializeToString())
    assert isinstance(found, ForeignFile)
    return found


def test_a_file_as_other_tools_write_it() -> None:
    found = told(models.foreign())
    assert found.producer == "pytorch 2.1"
    assert (found.ir_version, found.opsets) == (7, {"": 13})
    assert found.operators == ("Cast", "Reshape", "MatMul")
    assert found.inputs == (Tensor("x.1", "float32", (1, 1, 28, 28)),)  # and not the weights
    assert found.outputs == (Tensor("y.1", "float32", (1, 10)),)
    assert found.multiply_adds is not None
    assert found.multiply_adds // 7840 == 1
    assert not found.external_weights


def test_an_open_batch_and_another_type() -> None:
    found = told(models.foreign(("N", 32, 32, 3), 2, 3072, TensorProto.UINT8))
    assert found.inputs == (Tensor("x.1", "uint8", (None, 32, 32, 3)),)
    assert found.multiply_adds is not None
    assert found.multiply_adds // (3072 * 2) == 1


def test_a_file_of_ours_is_read_as_ours() -> None:
    content = models.linear(UNIT_PIXELS)
    assert isinstance(model_file.read_any(content), ModelFile)
    assert model_file.read_any(content) == model_file.read(content)


def attribute_of_a_graph(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([helper.make_node("Relu", ["flat"], ["z"])], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["x.1"], ["z"], then_branch=branch))


def functions(model: onnx.ModelProto) -> None:
    model.functions.add(name="f", domain="pkg.onnxscript")
    model.graph.node[-1].overload = "again"


def sparse_weights(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add()


def notes_everywhere(model: onnx.ModelProto) -> None:
    for place in (model.graph, model.graph.node[1], model.graph.input[0]):
        place.metadata_props.add(key="pkg.torch", value="somewhere")
    model.graph.initializer[0].metadata_props.add(key="a", value="b")


def texts_and_doubles(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(helper.make_tensor("names", TensorProto.STRING, [1], [b"cat"]))
    model.graph.initializer.append(helper.make_tensor("pi", TensorProto.DOUBLE, [1], [3.14]))
    model.graph.node[1].attribute.append(helper.make_attribute("labels", ["a", "b"]))


def an_output_that_is_no_tensor(model: onnx.ModelProto) -> None:
    probabilities = model.graph.output.add(name="probabilities")
    probabilities.type.sequence_type.elem_type.map_type.key_type = TensorProto.INT64


ODD = [
    attribute_of_a_graph,
    functions,
    sparse_weights,
    notes_everywhere,
    texts_and_doubles,
    an_output_that_is_no_tensor,
]


@pytest.mark.parametrize("change", ODD)
def test_what_ours_may_not_hold_is_passed_over(change: object) -> None:
    model = models.foreign()
    change(model)  # type: ignore[operator]
    found = told(model)
    assert found.inputs[0].name == "x.1"
    assert found.outputs[0].name == "y.1"
    with pytest.raises(ModelError, match="holds no mnist-edge contract: export it first"):
        Predictor(model.SerializeToString())


def test_values_that_are_no_tensors_and_shapes_that_are_none() -> None:
    model = models.foreign()
    an_output_that_is_no_tensor(model)
    unshaped = model.graph.input[0].type.tensor_type
    unshaped.ClearField("shape")
    unshaped.elem_type = 99
    found = told(model)
    assert found.inputs == (Tensor("x.1", "type 99", None),)
    assert found.outputs[1] == Tensor("probabilities", None, None)
    assert found.multiply_adds is None


@pytest.mark.parametrize("operator", ["NonMaxSuppression", "Tile"])
def test_work_that_is_not_known(operator: str) -> None:
    model = models.foreign()
    model.graph.node[1].op_type = operator
    found = told(model)
    assert found.operators[0] == operator
    assert found.multiply_adds is None


def test_work_is_not_known_where_an_images_size_is_open() -> None:
    assert told(models.foreign(("N", 1, "H", "W"))).multiply_adds is None


def test_weights_in_another_file() -> None:
    model = models.foreign()
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    found = told(model)
    assert found.external_weights
    assert found.multiply_adds is None


def test_a_contract_of_another_kind_makes_it_no_file_of_others() -> None:
    """It is read as strictly as one of ours."""
    model = models.foreign()
    helper.set_model_props(model, {"contract": "2"})
    with pytest.raises(ModelError, match="found weights in a node"):
        model_file.read_any(model.SerializeToString())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x08\x08", "expected a model made by 'mnist-edge export'"),
        (b"\x08\x08\x08\x08", "damaged or something else"),
        (b"not a model at all", "found text in"),
        (b"PK\x03\x04 and more", r"is a \.keras file or another archive: export a Keras model"),
        (b"\x89HDF\r\n\x1a\n and more", r"is an \.h5 file: export a Keras model first"),
    ],
)
def test_what_is_no_onnx_file(content: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        model_file.read_any(content)
    with pytest.raises(ModelError, match=message):
        model_file.read(content)


def test_a_rank_of_thousands() -> None:
    model = models.foreign()
    for _ in range(20_000):
        model.graph.input[0].type.tensor_type.shape.dim.add(dim_value=2**62)
    found = told(model)
    assert found.inputs[0].shape is None
    assert found.multiply_adds is None
