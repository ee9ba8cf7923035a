"""Hostile zip archives: .keras files, .npz files and checkpoints."""

import functools
import io
import json
import struct
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import h5py
import numpy as np

from tests.fuzz.damage import NUMBERS, changed_document, damaged
from tests.sources.keras_2 import hdf5, layer, sequential

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)

RUN = {"recipe": {"name": "fuzz"}, "seed": 0}
"""What the checkpoints are of."""

VARIABLES = (np.ones((4, 3), np.float32), np.zeros(3, np.float32), np.array(6, np.int32))
EPOCHS = 3
STEPS = 2


def make_keras(rng: Random) -> bytes:
    """Return a .keras file that is wrong as an archive, in its configuration or in its weights."""
    members = dict(_keras_members())
    if rng.random() < 0.5:
        name = rng.choice(("config.json", "config.json", "metadata.json"))
        document = changed_document(json.loads(members[name]), rng, rng.choice((1, 2, 5)))
        members[name] = json.dumps(document).encode("utf-8", "surrogatepass")
    elif rng.random() < 0.5:
        members["model.weights.h5"] = _weights(members["model.weights.h5"], rng)
    return _archive(members, rng)


@functools.cache
def _keras_members() -> tuple[tuple[str, bytes], ...]:
    with zipfile.ZipFile(ARTIFACTS / "mnist-mlp-small.keras") as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


def make_hdf5(rng: Random) -> bytes:
    """Return a model in one HDF5 file that is wrong in its configuration or in its weights."""
    config = sequential(
        [
            layer(
                "Conv2D", "conv", batch_input_shape=[None, 5, 5, 1], filters=2, kernel_size=[3, 3]
            ),
            layer("Flatten", "flat"),
            layer("Dense", "dense", units=3, activation="softmax"),
        ]
    )
    weights = {
        "conv": {"conv/kernel:0": np.ones((3, 3, 1, 2), np.float32), "conv/bias:0": np.ones(2)},
        "dense": {"dense/kernel:0": np.ones((18, 3), np.float32), "dense/bias:0": np.ones(3)},
    }
    if rng.random() < 0.5:
        config = changed_document(config, rng, rng.choice((1, 2, 5)))
    content = hdf5(config, weights, rng.choice(("2.2.0", "2.15.0", "3.0.0")))
    return _weights(content, rng) if rng.random() < 0.6 else content


def _weights(content: bytes, rng: Random) -> bytes:
    """Return an HDF5 file with bytes damaged, or with a data set that is not what it should be."""
    if rng.random() < 0.4:
        return damaged(content, rng)
    file = io.BytesIO(content)
    with h5py.File(file, "r+") as weights:
        names: list[str] = []
        weights.visit(names.append)
        name = rng.choice([name for name in names if isinstance(weights[name], h5py.Dataset)])
        del weights[name]
        match rng.randrange(5):
            case 0:
                weights[name] = h5py.ExternalLink("other.h5", "/weights")
            case 1:
                shape = [rng.choice((1, 128, 65_537, 2**20)) for _ in range(rng.choice((1, 2, 3)))]
                chunks = tuple(min(size, 64) for size in shape)
                weights.create_dataset(name, shape, "f4", chunks=chunks)
            case 2:
                weights.create_dataset(name, data=np.array(["text"], dtype=h5py.string_dtype()))
            case 3:
                weights[name] = h5py.SoftLink("/")
            case 4:
                weights.create_dataset(name, (4,), "f4", external=[("/etc/passwd", 0, 16)])
    return file.getvalue()


def make_npz(rng: Random) -> bytes:
    """Return an .npz in Keras' layout that is wrong as an archive or in its arrays."""
    images = np.zeros((rng.choice((1, 20)), 28, 28), np.uint8)
    labels = np.arange(len(images)) % 10
    arrays: dict[str, Any] = {
        "x_train": images,
        "y_train": labels,
        "x_test": images,
        "y_test": labels,
    }
    if rng.random() < 0.5:
        arrays[rng.choice(list(arrays))] = rng.choice(
            (
                np.zeros((3, 28, 27), np.uint8),
                np.zeros(4, "U5"),
                np.zeros(4, [("a", "u1")]),
                np.full(len(images), np.nan),
                np.full(len(images), 10),
                np.zeros((0, 28, 28), np.uint8),
                np.array(7),
                np.full(len(images), 2**63, np.uint64),
            )
        )
    return _archive({f"{name}.npy": _npy(array, rng) for name, array in arrays.items()}, rng)


def make_checkpoint(rng: Random) -> bytes:
    """Return a checkpoint that is wrong as an archive, in its arrays or in its history."""
    history = {name: [0.5] * EPOCHS for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
    state: Any = {"run": RUN, "history": history}
    if rng.random() < 0.6:
        state = changed_document(state, rng, rng.choice((1, 2)))
    arrays = [np.array(json.dumps(state)), *VARIABLES]
    if rng.random() < 0.4:
        diverged = np.full((4, 3), np.nan, np.float32)
        arrays[1] = rng.choice((diverged, np.zeros((3, 4)), np.array("x")))
    names = ("state", *(f"arr_{number}" for number in range(len(VARIABLES))))
    members = {}
    for name, array in zip(names, arrays, strict=True):
        members[f"{name}.npy"] = _npy(array, rng)
    return _archive(members, rng)


def _npy(array: Any, rng: Random) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    content = buffer.getvalue()
    if rng.random() < 0.15:
        length = rng.choice(NUMBERS)
        header = rng.choice(
            (
                f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({length}, 28, 28), }}",
                "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
                "(" * 3000,
                "{'descr': '<f8', 'fortran_order': True, 'shape': (" + "9" * 5000 + ",), }",
                "\0" * 40,
            )
        ).encode()
        length_bytes = struct.pack("<H", len(header) % 65_536)
        content = b"\x93NUMPY\x01\x00" + length_bytes + header + content[80:]
    return damaged(content, rng) if rng.random() < 0.1 else content


def _archive(members: dict[str, bytes], rng: Random) -> bytes:
    """Return a zip archive of the members, damaged in its directory, its data or not at all."""
    if rng.random() < 0.15:
        members[rng.choice(list(members))] = bytes(rng.choice((10_000, 50_000_000)))
    buffer = io.BytesIO()
    method = rng.choice(METHODS) if rng.random() < 0.3 else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
        if rng.random() < 0.1:
            name = rng.choice(list(members))
            archive.filelist.append(archive.getinfo(name))  # the same name once more
    content = buffer.getvalue()
    if rng.random() < 0.4:
        return _directory_changed(content, rng)
    return damaged(content, rng) if rng.random() < 0.3 else content


def _directory_changed(content: bytes, rng: Random) -> bytes:
    """Change flags, method, checksum, sizes or offset in one of the archive's headers."""
    changed = bytearray(content)
    places = [i for i in range(len(content) - 46) if content[i : i + 4] == b"PK\x01\x02"]
    if not places:
        return content
    place = rng.choice(places)
    offset, width = rng.choice(((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (42, 4)))
    value = rng.choice((0, 1, 9, 12, 14, 99, 65_535, 2**32 - 1, len(content)))
    start = place + offset
    changed[start : start + width] = (value % 256**width).to_bytes(width, "little")
    return bytes(changed)
