import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_edge import datasets
from mnist_edge.backend import keras
from mnist_edge.datasets import Dataset
from mnist_edge.errors import OptionError
from mnist_edge.sources.keras_file import from_bytes, read_keras
from mnist_edge.training import compress, fit
from mnist_edge.training.history import History
from mnist_edge.training.network import build, hidden_widths, of_weights, plain
from mnist_edge.training.pruning import pad, prune
from mnist_edge.training.recipes import COMPRESSED, Recipe
from mnist_edge.training.stages import run

STAGE = dataclasses.replace(COMPRESSED.stages[0], widths=(8, 4), epochs=3, batch_size=64, sets=2)
QUICK = Recipe("quick", (STAGE,))


@pytest.fixture
def tiny(tiny_data: Path) -> Dataset:
    return datasets.find(str(tiny_data))


@pytest.fixture
def wide(tiny_keras: Path) -> keras.Model:
    return plain(from_bytes(read_keras(tiny_keras), "tiny"), "tiny")


@pytest.fixture
def images(tiny: Dataset) -> np.ndarray:
    return tiny.train_images.reshape(-1, 784).astype(np.float32) / 255


def test_fine_tuning_mends_what_pruning_broke(
    tiny: Dataset, wide: keras.Model, images: np.ndarray
) -> None:
    broken = of_weights(prune(wide.get_weights(), (8, 4), images))
    before = fit.evaluate(broken, *tiny.validation)[1]
    model, history, teacher = run(QUICK.with_epochs(12), tiny, wide=wide)
    assert teacher is None  # it is no stage of the recipe
    assert hidden_widths(model) == (8, 4)
    assert fit.evaluate(model, *tiny.validation)[1] > before + 0.1
    assert history.loss[-1] < history.loss[0]


def test_the_wide_network_stays_as_it_was(tiny: Dataset, wide: keras.Model) -> None:
    before = [part.copy() for part in wide.get_weights()]
    run(QUICK, tiny, wide=wide)
    for ours, theirs in zip(wide.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_seed_gives_the_same_network_and_another_one_another(
    tiny: Dataset, wide: keras.Model
) -> None:
    def first_kernel(seed: int) -> np.ndarray:
        model = run(QUICK, tiny, wide=wide, seed=seed).model
        kernel: np.ndarray = model.get_weights()[0]
        return kernel

    np.testing.assert_array_equal(first_kernel(0), first_kernel(0))
    assert np.abs(first_kernel(0) - first_kernel(1)).max() > 0.01


def test_an_interrupted_run_ends_with_the_same_network(
    tiny: Dataset, wide: keras.Model, tmp_path: Path
) -> None:
    def stop(_: object, history: History) -> None:
        if history.epochs == 2:
            raise KeyboardInterrupt

    state = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        run(QUICK, tiny, wide=wide, origin="a", checkpoint=state, on_epoch=stop)
    with pytest.raises(OptionError, match="other settings"):
        run(QUICK, tiny, wide=wide, origin="another", checkpoint=state)
    resumed = run(QUICK, tiny, wide=wide, origin="a", checkpoint=state).model
    at_once = run(QUICK, tiny, wide=wide, origin="a").model
    for ours, theirs in zip(resumed.get_weights(), at_once.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("widths", "sentence"),
    [
        ((33, 16), r"widths from 1 to the network's own \(32, 16\), received 33, 16"),
        ((32, 17), "received 32, 17"),
        ((0, 4), "received 0, 4"),
        ((-8, 4), "received -8, 4"),
        ((8,), "a width for each of the network's 2 hidden layers, received 8"),
        ((8, 4, 2), "received 8, 4, 2"),
        ((), "received none"),
    ],
)
def test_widths_that_do_not_fit_are_refused(
    wide: keras.Model, widths: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        compress.require_narrower(widths, wide)


def test_the_ladder_of_the_classic_network() -> None:
    rungs = compress.ladder((512, 512))
    assert rungs[0] == (512, 256)
    assert rungs[-1] == (32, 16)
    assert {(256, 128), (128, 64), (64, 32)} <= set(rungs)
    assert rungs == sorted(rungs, reverse=True)


def test_no_rung_has_units_that_are_zero() -> None:
    assert compress.ladder((512, 512), (200, 96))[:2] == [(192, 96), (128, 64)]
    assert compress.ladder((512, 512), (300, 80))[:2] == [(256, 80), (192, 80)]


def test_units_in_use_are_those_that_are_not_zero() -> None:
    model = of_weights(pad(build((5, 3), seed=1).get_weights(), (8, 4)))
    assert hidden_widths(model) == (8, 4)
    assert compress.units_in_use(model) == (5, 3)


@pytest.mark.parametrize("wide_widths", [(1,), (2, 2), (8,), (300, 100), (64, 48, 32)])
def test_every_ladder_is_made_of_widths_that_fit(wide_widths: tuple[int, ...]) -> None:
    model = build(wide_widths, seed=0)
    for widths in compress.ladder(wide_widths):
        compress.require_narrower(widths, model)
        assert widths != wide_widths


# The command, on 1,000 images.


def test_the_command_makes_a_keras_file_like_any_other(
    run: Callable[..., object], tiny_data: Path, tiny_keras: Path, tmp_path: Path
) -> None:
    out = tmp_path / "narrow.keras"
    arguments = (tiny_keras, "--widths", "8,4", "--epochs", 12, "--data", tiny_data, "--out", out)
    done = run("compress", *arguments, "--json")
    assert done.code == 0
    assert done.json["path"] == str(out)
    assert done.json["schema"] == "mnist-edge/compress/1"
    wide = json.loads(tiny_keras.with_name("tiny.keras.json").read_text())
    source = done.json["compressed_from"]
    assert source["sha256"] == wide["sha256"]
    assert source["widths"] == [32, 16]
    assert source["test"] == pytest.approx(wide["test"]["accuracy"])
    assert not list(tmp_path.glob("*.checkpoint"))

    shown = run("compress", *arguments)
    assert "784-8-4-10  784-32-16-10" in shown.out
    exported = run("export", out, "--out-dir", tmp_path, "--precision", "fp32", "--data", tiny_data)
    assert exported.code == 0
    assert (
        f"compressed from 784-32-16-10, which reads {source['test']:.2%} of these" in exported.out
    )
    verified = run(
        "verify", tmp_path / "narrow.fp32.onnx", "--reference", out, "--data", tiny_data, "--json"
    )
    assert verified.json["models"][0]["passed"]
    assert verified.json["reference"]["compressed_from"] == {
        "sha256": wide["sha256"],
        "widths": [32, 16],
        "accuracy": source["test"],
    }


def test_on_other_images_the_wide_networks_accuracy_is_not_shown(
    run: Callable[..., object], tiny_data: Path, tiny_keras: Path, tmp_path: Path
) -> None:
    out = tmp_path / "narrow.keras"
    run("compress", tiny_keras, "--widths", "8,4", "--epochs", 1, "--data", tiny_data, "--out", out)
    exported = run("export", out, "--out-dir", tmp_path, "--precision", "fp32", "--data", "sample")
    assert "compressed from 784-32-16-10\n" in exported.out


def test_without_out_the_name_has_the_widths(
    run: Callable[..., object], tiny_data: Path, tiny_keras: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "mine.keras"
    copy.write_bytes(tiny_keras.read_bytes())
    assert run("compress", copy, "--widths", "32,4", "--epochs", 1, "--data", tiny_data).code == 0
    assert (tmp_path / "mine-32-4.keras").exists()


def test_wrong_calls(
    refused: Callable[..., str], tiny_data: Path, tiny_keras: Path, tmp_path: Path
) -> None:
    data = ("--data", tiny_data)
    out = ("--out", tmp_path / "x.keras")
    assert "one of --widths and --max-loss" in refused("compress", tiny_keras, *data)
    assert "one of" in refused("compress", tiny_keras, "--widths", "8,4", "--max-loss", "1", *data)
    assert "own (32, 16), received 64, 4" in refused(
        "compress", tiny_keras, "--widths", "64,4", *data, *out
    )
    assert "received 0, 4" in refused("compress", tiny_keras, "--widths", "0,4", *data, *out)
    assert "2 hidden layers, received 8, 4, 2" in refused(
        "compress", tiny_keras, "--widths", "8,4,2", *data, *out
    )
    assert "whole numbers" in refused("compress", tiny_keras, "--widths", "8,x", *data, *out)
    assert "end in .keras" in refused(
        "compress", tiny_keras, "--widths", "8,4", *data, "--out", "x.onnx"
    )
    assert "from 0 to 100" in refused("compress", tiny_keras, "--max-loss", "-1", *data, *out)
    assert "from 0 to 100" in refused("compress", tiny_keras, "--max-loss", "nan", *data, *out)
    assert "found none at" in refused(
        "compress", tmp_path / "none.keras", "--widths", "8,4", *data, *out
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [("--widths", "8,4"), ("--max-loss", "1")])
def test_the_wide_network_is_not_written_over(
    refused: Callable[..., str], tiny_data: Path, tiny_keras: Path, option: tuple[str, str]
) -> None:
    before = tiny_keras.read_bytes()
    same = tiny_keras.parent / ".." / tiny_keras.parent.name / tiny_keras.name
    assert "another file than the wide" in refused(
        "compress", tiny_keras, *option, "--data", tiny_data, "--out", same
    )
    assert tiny_keras.read_bytes() == before


@pytest.mark.parametrize("option", ["--no-resume", "--fresh"])
def test_without_resuming_it_starts_anew_where_an_interrupted_run_could_go_on(
    option: str,
    run: Callable[..., object],
    refused: Callable[..., str],
    tiny_data: Path,
    tiny_keras: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "narrow.keras"
    history = {key: [0.5] for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
    another_run = json.dumps({"run": {"seed": 1}, "history": history})
    with out.with_name("narrow.keras.checkpoint").open("wb") as file:
        np.savez(file, state=np.array(another_run))
    options = ("--widths", "8,4", "--epochs", 1, "--data", tiny_data, "--out", out)
    assert "narrow.keras.checkpoint" in refused("compress", tiny_keras, *options)
    assert run("compress", tiny_keras, *options, option).code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["narrow.keras", "narrow.keras.json"]


@pytest.mark.parametrize(
    ("stack", "kinds"),
    [
        ([keras.Input((784,)), keras.layers.Dense(8, "tanh")], "8 tanh"),
        ([keras.Input((784,)), keras.layers.Dense(8, "relu6")], "8 relu6"),
        (
            [keras.Input((28, 28)), keras.layers.Dense(8, "relu"), keras.layers.Flatten()],
            "8 relu, 10 softmax",
        ),
    ],
)
def test_a_network_that_is_no_stack_of_dense_relu_layers_is_refused(
    refused: Callable[..., str], tiny_data: Path, tmp_path: Path, stack: list[object], kinds: str
) -> None:
    keras.Sequential([*stack, keras.layers.Dense(10, "softmax")]).save(tmp_path / "odd.keras")
    for option in (("--widths", "4"), ("--max-loss", "1")):
        sentence = refused("compress", tmp_path / "odd.keras", *option, "--data", tiny_data)
        assert "plain stack of Dense relu layers" in sentence
        assert kinds in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["odd.keras"]
