from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from mnist_edge.backend import keras
from mnist_edge.errors import ModelError, OptionError
from mnist_edge.export.convert import to_onnx
from mnist_edge.export.metadata import parse, serialized
from mnist_edge.model_spec import OPSETS, TrainedScaling
from mnist_edge.sources import open_source
from mnist_edge.sources.source import Head, Source, probabilities
from tests.conftest import ARTIFACTS
from tests.export.sources import source_of, with_random_weights

L = keras.layers

GREY = (8, 8, 1)
COLOUR = (8, 8, 3)
SEQUENCE = (12, 3)
FEATURES = (6,)

Make = Callable[[], keras.Model]


def stack(shape: tuple[int, ...], *layers: keras.layers.Layer) -> keras.Model:
    """Ends in five scores."""
    end = [L.Flatten(name="flat"), L.Dense(5, name="last")]
    return keras.Sequential([keras.Input(shape), *layers, *end])


def graph(shape: tuple[int, ...], call: Callable[[object], object]) -> keras.Model:
    image = keras.Input(shape)
    return keras.Model(image, call(image))


def scores_of(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    """What the last softmax or sigmoid takes, as onnxruntime works it out."""
    cut = parse(serialized(model))
    heads = [node for node in cut.graph.node if node.op_type in ("Softmax", "Sigmoid")]
    name = heads[-1].input[0]
    cut.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(serialized(cut))
    (given,) = session.get_inputs()
    (scores,) = session.run([name], {given.name: images.reshape(len(images), *given.shape[1:])})
    return scores


def require_same_scores(source: Source, model: onnx.ModelProto) -> None:
    images = np.random.default_rng(0).random((4, *source.input_shape), np.float32)
    expected = source.scores(images)
    received = scores_of(model, images)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def squeeze_and_excite(image: object) -> object:
    mapped = L.Conv2D(4, 3)(image)
    weights = L.Dense(2, "relu")(L.GlobalAveragePooling2D()(mapped))
    weights = L.Reshape((1, 1, 4))(L.Dense(4, "sigmoid")(weights))
    return L.Dense(5)(L.Flatten()(L.Multiply()([mapped, weights])))


def residual(image: object) -> object:
    mapped = L.Conv2D(4, 3, padding="same")(image)
    again = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(mapped))
    return L.Dense(5)(L.GlobalAveragePooling2D()(L.ReLU()(L.Add()([mapped, again]))))


def up_and_down(image: object) -> object:
    small = L.MaxPooling2D()(L.Conv2D(3, 3, padding="same", activation="relu")(image))
    both = L.Concatenate()([image, L.UpSampling2D()(small)])
    return L.Dense(5)(L.Flatten()(both))


def merged(features: object) -> object:
    kinds = (L.Average, L.Maximum, L.Minimum, L.Subtract, L.Multiply, L.Add)
    parts = [kind()([L.Dense(4)(features), L.Dense(4)(features)]) for kind in kinds]
    return L.Dense(5)(L.Concatenate()(parts))


def normalizing() -> keras.Model:
    model = stack(COLOUR, L.Normalization(), L.Conv2D(4, 3))
    model.layers[0].adapt(np.random.default_rng(3).normal(3, 2, (20, *COLOUR)))
    return model


def nested() -> keras.Model:
    inner = keras.Sequential([keras.Input((8, 8)), L.Reshape(GREY), L.Conv2D(4, 3)])
    return keras.Sequential(
        [keras.Input((8, 8)), inner, keras.Sequential([L.Flatten(), L.Dense(5)])]
    )


def inactive() -> keras.Model:
    noise = [L.SpatialDropout2D(0.3), L.GaussianNoise(0.1), L.GaussianDropout(0.1)]
    turned = [L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomContrast(0.1)]
    moved = [L.RandomTranslation(0.1, 0.1), L.RandomBrightness(0.1)]
    return stack(COLOUR, *turned, *moved, L.Conv2D(4, 3), *noise, L.AlphaDropout(0.1))


# What comes out of each: the input's shape, and the operators before the softmax.
LAYERS: dict[str, tuple[Make, str]] = {
    "dense": (lambda: stack(FEATURES, L.Dense(7, "relu")), "MatMul Add Relu MatMul Add"),
    "dense, batch normalization": (
        lambda: stack(FEATURES, L.Dense(7, use_bias=False), L.BatchNormalization(), L.ReLU()),
        "MatMul Add Relu MatMul Add",
    ),
    "batch normalization behind the activation": (
        lambda: stack(FEATURES, L.Dense(7, "relu"), L.BatchNormalization()),
        "MatMul Add Relu MatMul Add",
    ),
    "dense on rows": (
        lambda: stack((4, 7), L.Dense(6, "relu"), L.Dense(4)),
        "MatMul Add Relu MatMul Add Reshape MatMul Add",
    ),
    "grey, convolution": (
        lambda: stack(GREY, L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D()),
        "Conv Relu MaxPool Reshape MatMul Add",
    ),
    "strides and borders": (
        lambda: stack((9, 8, 3), L.Conv2D(4, 3, padding="same", strides=2)),
        "Transpose Conv Reshape MatMul Add",
    ),
    "dilation": (
        lambda: stack(COLOUR, L.Conv2D(4, 3, dilation_rate=2)),
        "Transpose Conv Reshape MatMul Add",
    ),
    "groups": (
        lambda: stack(COLOUR, L.Conv2D(6, 3, groups=3)),
        "Transpose Conv Reshape MatMul Add",
    ),
    "convolution, batch normalization": (
        lambda: stack(COLOUR, L.Conv2D(4, 3, padding="same"), L.BatchNormalization(), L.ReLU()),
        "Transpose Conv Relu Reshape MatMul Add",
    ),
    "batch normalization between convolutions": (
        lambda: stack(
            COLOUR, L.Conv2D(4, 3, activation="relu"), L.BatchNormalization(), L.Conv2D(4, 3)
        ),
        "Transpose Conv Relu Conv Reshape MatMul Add",
    ),
    "batch normalization first": (
        lambda: stack(COLOUR, L.BatchNormalization(), L.Conv2D(4, 3)),
        "Transpose Conv Reshape MatMul Add",
    ),
    "convolutions along a line": (
        lambda: stack(
            SEQUENCE,
            L.Conv1D(4, 3, activation="relu"),
            L.MaxPooling1D(2),
            L.Conv1D(4, 2, padding="same"),
            L.AveragePooling1D(2, padding="same"),
        ),
        "Transpose Conv Relu MaxPool Conv AveragePool Reshape MatMul Add",
    ),
    "causal convolution": (
        lambda: stack(SEQUENCE, L.Conv1D(4, 3, padding="causal")),
        "Pad Reshape Transpose Conv Reshape MatMul Add",
    ),
    "global pooling along a line": (
        lambda: stack(SEQUENCE, L.Conv1D(4, 3), L.GlobalMaxPooling1D()),
        "Transpose Conv GlobalMaxPool Reshape MatMul Add",
    ),
    "depthwise": (
        lambda: stack(
            COLOUR,
            L.DepthwiseConv2D(3, activation="relu", padding="same"),
            L.DepthwiseConv2D(3, depth_multiplier=2),
        ),
        "Transpose Conv Relu Conv Reshape MatMul Add",
    ),
    "separable": (
        lambda: stack(COLOUR, L.SeparableConv2D(5, 3, activation="relu")),
        "Transpose Conv Conv Relu Reshape MatMul Add",
    ),
    "separable along a line": (
        lambda: stack(SEQUENCE, L.SeparableConv1D(5, 3)),
        "Transpose Conv Conv Reshape MatMul Add",
    ),
    "transposed convolutions": (
        lambda: stack(
            COLOUR, L.Conv2DTranspose(4, 3, strides=2, padding="same"), L.Conv2DTranspose(4, 3)
        ),
        "Transpose ConvTranspose ConvTranspose Reshape MatMul Add",
    ),
    "transposed convolution along a line": (
        lambda: stack(SEQUENCE, L.Conv1DTranspose(4, 3, strides=2, padding="same")),
        "Transpose ConvTranspose Slice Reshape MatMul Add",
    ),
    "volumes": (
        lambda: stack((6, 6, 6, 2), L.Conv3D(4, 3, activation="relu"), L.MaxPooling3D()),
        "Transpose Conv Relu MaxPool Reshape MatMul Add",
    ),
    "pooling with borders": (
        lambda: stack(
            COLOUR,
            L.MaxPooling2D(3, strides=2, padding="same"),
            L.AveragePooling2D(3, strides=2, padding="same"),
            L.AveragePooling2D(2),
        ),
        "Transpose MaxPool AveragePool AveragePool Reshape MatMul Add",
    ),
    "global pooling": (
        lambda: stack(COLOUR, L.Conv2D(4, 3), L.GlobalAveragePooling2D()),
        "Transpose Conv GlobalAveragePool Reshape MatMul Add",
    ),
    "global maximum": (
        lambda: stack(COLOUR, L.Conv2D(4, 3), L.GlobalMaxPooling2D(keepdims=True)),
        "Transpose Conv GlobalMaxPool Reshape MatMul Add",
    ),
    "zero padding": (
        lambda: stack(COLOUR, L.ZeroPadding2D(((1, 2), (0, 1))), L.Conv2D(4, 3)),
        "Transpose Conv Reshape MatMul Add",
    ),
    "zero padding, dense": (
        lambda: stack(COLOUR, L.ZeroPadding2D(1)),
        "Pad Reshape MatMul Add",
    ),
    "layer normalization": (
        lambda: stack(FEATURES, L.Dense(7), L.LayerNormalization()),
        "MatMul Add LayerNormalization MatMul Add",
    ),
    "layer normalization of channels": (
        lambda: stack(COLOUR, L.Conv2D(4, 3), L.LayerNormalization(), L.ReLU()),
        "Transpose Conv ReduceMean Sub Mul ReduceMean Add Sqrt Reciprocal Mul Mul Add Relu "
        "Reshape MatMul Add",
    ),
    "reshape": (
        lambda: stack((64,), L.Reshape(GREY), L.Conv2D(4, 3), L.Reshape((-1,))),
        "Conv Reshape MatMul Add",
    ),
    "permute": (
        lambda: stack(COLOUR, L.Permute((2, 1, 3)), L.Conv2D(4, 3)),
        "Transpose Conv Reshape MatMul Add",
    ),
    "channels first, permuted": (
        lambda: stack((3, 8, 8), L.Permute((2, 3, 1)), L.Conv2D(4, 3)),
        "Conv Reshape MatMul Add",
    ),
    "residual": (
        lambda: graph(COLOUR, residual),
        "Transpose Conv Conv Add Relu GlobalAveragePool Reshape MatMul Add",
    ),
    "squeeze and excite": (
        lambda: graph(COLOUR, squeeze_and_excite),
        "Transpose Conv GlobalAveragePool Reshape MatMul Add Relu MatMul Add Sigmoid Reshape Mul "
        "Reshape MatMul Add",
    ),
    "up-sampling and concatenation": (
        lambda: graph(GREY, up_and_down),
        "Conv Relu MaxPool Resize Concat Reshape MatMul Add",
    ),
    "bilinear up-sampling": (
        lambda: stack(COLOUR, L.UpSampling2D(2, interpolation="bilinear"), L.Conv2D(4, 3)),
        "Transpose Resize Conv Reshape MatMul Add",
    ),
    "merging layers": (
        lambda: graph(FEATURES, merged),
        "MatMul Add MatMul Add Add Mul MatMul Add MatMul Add Max MatMul Add MatMul Add Min "
        "MatMul Add MatMul Add Sub MatMul Add MatMul Add Mul MatMul Add MatMul Add Add "
        "Concat MatMul Add",
    ),
    "rescaling": (
        lambda: stack(COLOUR, L.Rescaling(1 / 255), L.Conv2D(4, 3, padding="same")),
        "Transpose Conv Reshape MatMul Add",
    ),
    "rescaling with an offset": (
        lambda: stack(COLOUR, L.Rescaling(1 / 127.5, offset=-1), L.Conv2D(4, 3, padding="same")),
        "Mul Add Transpose Conv Reshape MatMul Add",
    ),
    "rescaling, dense": (
        lambda: stack((8, 8), L.Rescaling(1 / 127.5, offset=-1)),
        "MatMul Add",
    ),
    "normalization": (normalizing, "Transpose Conv Reshape MatMul Add"),
    "resizing": (
        lambda: stack(COLOUR, L.Resizing(5, 6), L.Conv2D(4, 3)),
        "Transpose Resize Conv Reshape MatMul Add",
    ),
    "resizing to the nearest": (
        lambda: stack(COLOUR, L.Resizing(5, 13, interpolation="nearest"), L.Conv2D(4, 3)),
        "Transpose Resize Conv Reshape MatMul Add",
    ),
    "resizing that keeps proportions": (
        lambda: stack(COLOUR, L.Resizing(6, 4, crop_to_aspect_ratio=True), L.Conv2D(4, 3)),
        "Slice Resize Transpose Conv Reshape MatMul Add",
    ),
    "cropping": (
        lambda: stack(COLOUR, L.CenterCrop(6, 5), L.Cropping2D(((1, 0), (0, 1)))),
        "Slice Slice Reshape MatMul Add",
    ),
    "repeated features": (
        lambda: stack(FEATURES, L.RepeatVector(3)),
        "Reshape Resize Reshape MatMul Add",
    ),
    "inactive layers": (inactive, "Transpose Conv Reshape MatMul Add"),
    "time distributed": (
        lambda: stack((2, 7), L.TimeDistributed(L.Dense(4))),
        "Transpose Slice Reshape MatMul Add Reshape Slice Reshape MatMul Add Reshape Concat "
        "Transpose Reshape MatMul Add",
    ),
    "slopes of channels": (
        lambda: stack(COLOUR, L.Conv2D(4, 3), L.PReLU(shared_axes=[1, 2]), L.Conv2D(4, 3)),
        "Transpose Conv PRelu Conv Reshape MatMul Add",
    ),
    "slopes of pixels": (
        lambda: stack(COLOUR, L.Conv2D(4, 3), L.PReLU()),
        "Transpose Conv PRelu Reshape MatMul Add",
    ),
    "nested": (nested, "Conv Reshape MatMul Add"),
    "an output in a dict": (
        lambda: graph(FEATURES, lambda x: {"digit": L.Dense(5)(x)}),
        "MatMul Add",
    ),
    "an output in a list": (lambda: graph(FEATURES, lambda x: [L.Dense(5)(x)]), "MatMul Add"),
    "scores of a convolution": (
        lambda: keras.Sequential([keras.Input(COLOUR), L.Conv2D(5, 8)]),
        "Transpose Conv Reshape",
    ),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_layers_answer_as_keras_does(kind: str) -> None:
    make, expected = LAYERS[kind]
    source = source_of(with_random_weights(make()))
    model = to_onnx(source)
    assert operators(model) == [*expected.split(), "Softmax"]
    require_same_scores(source, model)


ACTIVATIONS: dict[str, tuple[object, str]] = {
    "relu": ("relu", "Relu"),
    "relu6": ("relu6", "Clip"),
    "leaky_relu": ("leaky_relu", "LeakyRelu"),
    "elu": ("elu", "Elu"),
    "selu": ("selu", "Selu"),
    "celu": ("celu", "Max Min Exp Add Add"),
    "gelu": ("gelu", "Div Erf Add Mul Mul"),
    "gelu, approximate": (
        lambda x: keras.activations.gelu(x, approximate=True),
        "Mul Pow Mul Add Mul Tanh Add Mul",
    ),
    "swish": ("swish", "Sigmoid Mul"),
    "mish": ("mish", "Softplus Tanh Mul"),
    "hard_sigmoid": ("hard_sigmoid", "Clip"),  # what it adds and multiplies by is folded
    "hard_swish": ("hard_swish", "HardSigmoid Mul"),
    "hard_tanh": ("hard_tanh", "Clip"),
    "hard_shrink": ("hard_shrink", "Abs Greater Where"),
    "soft_shrink": ("soft_shrink", "Greater Add Less Add Where Where"),
    "tanh_shrink": ("tanh_shrink", "Tanh Sub"),
    "sigmoid": ("sigmoid", "Sigmoid"),
    "log_sigmoid": ("log_sigmoid", "Neg Softplus Neg"),
    "tanh": ("tanh", "Tanh"),
    "softplus": ("softplus", "Softplus"),
    "softsign": ("softsign", "Softsign"),
    "softmax": ("softmax", "Softmax"),
    "log_softmax": ("log_softmax", "LogSoftmax"),
    "exponential": ("exponential", "Exp"),
    "squareplus": ("squareplus", "Mul Add Sqrt Add"),
    "LeakyReLU": (L.LeakyReLU(0.2), "LeakyRelu"),
    "PReLU": (L.PReLU(), "PRelu"),
    "ELU": (L.ELU(0.7), "Elu"),
    "ReLU up to 6": (L.ReLU(6.0), "Clip"),
    "Softmax": (L.Softmax(), "Softmax"),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_answer_as_keras_does(kind: str) -> None:
    activation, expected = ACTIVATIONS[kind]
    source = source_of(with_random_weights(stack(FEATURES, L.Dense(8), L.Activation(activation))))
    model = to_onnx(source)
    assert operators(model) == ["MatMul", "Add", *expected.split(), "MatMul", "Add", "Softmax"]
    require_same_scores(source, model)


INPUTS = {
    "pixels in a row": ((64,), (), [64]),
    "grey, dense first": ((8, 8), (), [64]),
    "grey with a channel, dense first": (GREY, (), [64]),
    "colour, dense first": (COLOUR, (), [192]),
    "grey, convolution first": (GREY, (L.Conv2D(2, 3),), [1, 8, 8]),
    "a row, convolution first": ((64,), (L.Reshape(GREY), L.Conv2D(2, 3)), [1, 8, 8]),
    "grey, scaled before borders": (
        GREY,
        (L.Rescaling(2, 1), L.Conv2D(2, 3, padding="same")),
        [1, 8, 8],
    ),
    "colour, convolution first": (COLOUR, (L.Conv2D(2, 3),), [8, 8, 3]),
    "features, repeated": (FEATURES, (L.RepeatVector(2),), [6]),
}


@pytest.mark.parametrize("kind", INPUTS)
def test_the_input_has_the_shape_that_saves_work(kind: str) -> None:
    shape, layers, expected = INPUTS[kind]
    (given,) = to_onnx(source_of(stack(shape, *layers))).graph.input
    batch, *sizes = given.type.tensor_type.shape.dim
    assert given.name == "image"
    assert batch.dim_param == "batch"
    assert [size.dim_value for size in sizes] == expected


@pytest.mark.parametrize("opset", OPSETS)
def test_each_opset_is_read_by_onnxruntime(opset: int) -> None:
    layers = [
        L.Conv2D(4, 3, activation="gelu"),
        L.BatchNormalization(),
        L.LayerNormalization(),
        L.Activation("sparse_sigmoid"),
    ]
    source = source_of(with_random_weights(stack(GREY, *layers)))
    model = to_onnx(source, opset)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert model.ir_version == 8
    assert not model.graph.value_info
    assert not model.metadata_props
    require_same_scores(source, model)


@pytest.mark.parametrize("opset", [0, 12, 19, 99])
def test_opsets_that_are_not_written(opset: int) -> None:
    with pytest.raises(OptionError, match=f"from 13 to 18, received {opset}"):
        to_onnx(source_of(stack(FEATURES)), opset)


def test_our_own_network_keeps_its_bytes() -> None:
    path = ARTIFACTS / "mnist-mlp-small.keras"
    shipped = parse(path.with_suffix(".fp32.onnx").read_bytes()).graph
    made = to_onnx(open_source(path)).graph
    assert made.SerializeToString(deterministic=True) == shipped.SerializeToString(
        deterministic=True
    )


def test_names_are_those_of_the_layers() -> None:
    layers = [
        L.Conv2D(4, 3, activation="relu", name="edges"),
        L.MaxPooling2D(name="pool"),
        L.BatchNormalization(name="norm"),
        L.Conv2D(4, 2, name="parts", activation="gelu"),
    ]
    made = to_onnx(source_of(with_random_weights(stack(GREY, *layers)))).graph
    assert [node.name for node in made.node] == [
        *("edges.conv", "edges.relu", "pool.maxpool", "parts.conv", "parts.div", "parts.erf"),
        *("parts.add", "parts.mul", "parts.mul_2", "flat.reshape", "last.matmul", "last.add"),
        "last.softmax",
    ]
    weights = {weight.name for weight in made.initializer}
    assert weights >= {"edges.weight", "edges.bias", "parts.weight", "last.weight", "last.bias"}
    assert all(node.output[0] in (node.name, "probabilities") for node in made.node)


def test_a_layer_used_twice_has_its_own_name_both_times() -> None:
    shared = L.Dense(6, name="shared")
    other = L.Dense(6, name="shared_1")  # what TensorFlow calls the second use
    model = graph(FEATURES, lambda x: L.Dense(5)(L.Add()([shared(shared(x)), other(x)])))
    source = source_of(with_random_weights(model))
    made = to_onnx(source)
    names = [node.name for node in made.graph.node if node.op_type == "MatMul"]
    assert names[:3] == ["shared.matmul", "shared.matmul_2", "shared_1.matmul"]
    require_same_scores(source, made)


def test_the_same_model_gives_the_same_bytes() -> None:
    source = source_of(with_random_weights(graph(COLOUR, residual)))
    first = serialized(to_onnx(source))
    to_onnx(source_of(stack(FEATURES)))  # TensorFlow counts on
    assert serialized(to_onnx(source)) == first
    assert [layer.name for layer in source.network.layers if "KerasLayer" in layer.name] == []


SCALINGS = {
    "0..1": (TrainedScaling(), lambda image: image),
    "0..255": (TrainedScaling("0..255"), lambda image: 255 * image),
    "-1..1": (TrainedScaling("-1..1"), lambda image: 2 * image - 1),
    "mean and deviation": (
        TrainedScaling("mean,std", (0.1307,), (0.3081,)),
        lambda image: (image - 0.1307) / 0.3081,
    ),
    "dark on white": (TrainedScaling(inverted=True), lambda image: 1 - image),
    "dark on white, 0..255": (
        TrainedScaling("0..255", inverted=True),
        lambda image: 255 * (1 - image),
    ),
    "transposed": (TrainedScaling(transposed=True), lambda image: image.swapaxes(1, 2)),
    "transposed and all else": (
        TrainedScaling("-1..1", inverted=True, transposed=True),
        lambda image: 1 - 2 * image.swapaxes(1, 2),
    ),
}

SCALED: dict[str, Make] = {
    "dense": lambda: stack((8, 8)),
    "convolution": lambda: stack(GREY, L.Conv2D(4, 3)),
    "convolution with a border": lambda: stack(GREY, L.Conv2D(4, 3, padding="same")),
    "colour": lambda: stack(COLOUR, L.Conv2D(4, 3)),
}


@pytest.mark.parametrize("kind", SCALED)
@pytest.mark.parametrize("name", SCALINGS)
def test_files_take_pixels_in_0_to_1_whatever_was_trained_on(name: str, kind: str) -> None:
    scaling, change = SCALINGS[name]
    source = source_of(with_random_weights(SCALED[kind]()))
    model = to_onnx(source, scaling=scaling)
    images = np.random.default_rng(0).random((4, *source.input_shape), np.float32)
    expected = source.scores(np.ascontiguousarray(change(images), np.float32))
    received = scores_of(model, images)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    front = operators(model)[: operators(model).index("MatMul" if kind == "dense" else "Conv")]
    assert set(front) <= {"Transpose", "Mul", "Add", "Reshape"}
    if kind != "convolution with a border":
        assert not {"Mul", "Add"}.intersection(front)
    if kind == "dense":
        assert front == []


def test_means_and_deviations_may_be_one_a_channel() -> None:
    mean, std = (0.1, 0.2, 0.3), (0.3, 0.2, 0.1)
    source = source_of(with_random_weights(SCALED["colour"]()))
    model = to_onnx(source, scaling=TrainedScaling("mean,std", mean, std))
    images = np.random.default_rng(0).random((4, *COLOUR), np.float32)
    expected = source.scores(((images - mean) / std).astype(np.float32))
    np.testing.assert_allclose(scores_of(model, images), expected, rtol=0, atol=1e-5 * 30)


def test_rescaling_in_the_model_and_pixels_up_to_255_cancel_out() -> None:
    layers = [L.Rescaling(1 / 255), L.Conv2D(4, 3, padding="same")]
    made = to_onnx(source_of(stack(GREY, *layers)), scaling=TrainedScaling("0..255"))
    assert operators(made)[0] == "Conv"
    kernel = onnx.numpy_helper.to_array(made.graph.initializer[0])
    assert np.abs(kernel).max() > 0.1  # as Keras draws them: not a 255th


WRONG_SCALINGS = {
    "of no such name": (TrainedScaling("0..7"), GREY, "expected a scaling out of"),
    "means of three channels": (
        TrainedScaling("mean,std", (0.1,) * 3, (0.3,) * 3),
        GREY,
        "for each of 1 channels",
    ),
    "no deviation": (TrainedScaling("mean,std", (0.1,), (0.0,)), GREY, "for each of 1 channels"),
    "rows that are no square": (TrainedScaling(transposed=True), (60,), "expected square images"),
}


@pytest.mark.parametrize("kind", WRONG_SCALINGS)
def test_scalings_that_make_no_sense(kind: str) -> None:
    scaling, shape, sentence = WRONG_SCALINGS[kind]
    with pytest.raises(OptionError, match=sentence):
        to_onnx(source_of(stack(shape)), scaling=scaling)


HEADS: tuple[tuple[Head, int], ...] = (("softmax", 5), ("logits", 5), ("sigmoid", 1))


@pytest.mark.parametrize(("head", "outputs"), HEADS)
def test_files_answer_with_probabilities(head: Head, outputs: int) -> None:
    model = keras.Sequential([keras.Input(FEATURES), L.Dense(outputs)])
    source = source_of(with_random_weights(model), head)
    made = to_onnx(source)
    images = np.random.default_rng(0).normal(0, 3, (20, *FEATURES)).astype(np.float32)
    (received,) = ort.InferenceSession(serialized(made)).run(None, {"image": images})
    np.testing.assert_allclose(received, probabilities(source.scores(images), head), atol=1e-6)
    assert received.shape == (20, source.classes)
    (answer,) = made.graph.output
    sizes = answer.type.tensor_type.shape.dim
    assert answer.name == "probabilities"
    assert (sizes[0].dim_param, sizes[1].dim_value) == ("batch", source.classes)
    np.testing.assert_allclose(scores_of(made, images), source.scores(images), atol=1e-5)


REFUSED: dict[str, tuple[Make, str]] = {
    "an operator without a rule": (
        lambda: stack(FEATURES, L.Dense(8, "sparsemax", name="choice")),
        r"CumSum \(layer 'choice'\), TopK \(layer 'choice'\)",
    ),
    "a loop": (
        lambda: stack(SEQUENCE, L.SimpleRNN(4, name="memory")),
        r"without loops and branches, received one with the operator \w+ in the layer 'memory'",
    ),
    "what ONNX has no operator for": (
        lambda: stack(FEATURES, L.Discretization(bin_boundaries=[0.0, 0.5], name="bins")),
        "Bucketize of the layer 'bins'",
    ),
    "too much work": (
        lambda: stack((64, 64, 3), L.Conv2D(128, 3), L.Conv2D(128, 3), L.GlobalMaxPooling2D()),
        "multiply-adds an image",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_the_predictor_would_not_run_is_refused(kind: str) -> None:
    make, sentence = REFUSED[kind]
    with pytest.raises(ModelError, match=sentence):
        to_onnx(source_of(make()))


def test_weights_of_a_model_that_is_called_twice_are_stored_once() -> None:
    inner = stack(GREY, L.Conv2D(8, 3, activation="relu"), L.GlobalAveragePooling2D())
    image = keras.Input(GREY)
    both = L.Concatenate()([inner(image), inner(L.Rescaling(-1.0, 1.0)(image))])
    source = source_of(with_random_weights(keras.Model(image, L.Dense(3)(both))))
    model = to_onnx(source)
    kernels = [tensor for tensor in model.graph.initializer if len(tensor.dims) == 4]
    assert operators(model).count("Conv") == 2
    assert len(kernels) <= 2
    images = np.random.default_rng(0).random((4, *GREY), np.float32)
    np.testing.assert_allclose(scores_of(model, images), source.scores(images), atol=1e-4)
