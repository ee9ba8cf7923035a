"""Compiled code as a shared library, made once for this machine and called through ctypes."""

import ctypes
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_edge import __version__
from mnist_edge.c99 import compilers, network, source
from mnist_edge.c99.compilers import CompileError, Compiler
from mnist_edge.errors import MissingExtraError, ModelError, OutputError
from mnist_edge.runtime.model_file import ModelFile

NAME = "network"
"""What the functions of a library begin with, whatever its model is called."""

FLAGS = ("-O3", "-std=c99", "-fPIC", "-shared", "-DMNIST_EDGE_SIMD")

_PRIVATE = 0o700


class Library:
    """A network that was compiled, for images one behind the other: uint8 (N, pixels).

    Args:
        path: The shared library.
        pixels: Of an image.

    Attributes:
        predict: Of one image, uint8 of any shape with all its pixels, to its class.
    """

    def __init__(self, path: Path, pixels: int) -> None:
        library = ctypes.CDLL(str(path))
        self._pixels = pixels
        self._predict_batch = library.network_predict_batch
        self._predict_batch.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
        self._predict_batch.restype = None
        self.predict = _predictor(path, pixels)

    def predict_batch(self, images: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Return int32 (N,), the class of each of uint8 (N, ...)."""
        given = np.ascontiguousarray(images, np.uint8)
        if given.size != len(given) * self._pixels:
            raise ValueError(f"expected images of {self._pixels} pixels, received {given.shape}")
        classes = np.empty(len(given), np.int32)
        self._predict_batch(given.ctypes.data, len(given), classes.ctypes.data)
        return classes

    def bare(self, batch: int) -> Callable[[], object]:
        """Return the call alone for a batch of blank images, into buffers that stay."""
        pixels = (ctypes.c_uint8 * (batch * self._pixels))()
        classes = (ctypes.c_int32 * batch)()
        return lambda: self._predict_batch(pixels, batch, classes)


def _predictor(path: Path, pixels: int) -> Callable[[NDArray[np.uint8]], int]:
    """Return a function of one image, uint8 of any shape with all its pixels, to its class.

    The call takes a microsecond, so that what is around it counts: bytes go in as they are, where
    an array's address would have to be asked for; PyDLL does not give up the interpreter's lock;
    names are local.
    """
    call: Callable[[bytes, None], int] = ctypes.PyDLL(str(path)).network_predict

    def predict(image: NDArray[np.uint8]) -> int:
        given = image.tobytes()
        if len(given) != pixels:
            raise ValueError(f"expected {pixels} bytes of pixels, received {len(given)}")
        return call(given, None)

    return predict


def require_compiler() -> Compiler:
    """Return this machine's first compiler.

    Raises:
        MissingExtraError: It has none.
    """
    found = compilers.found()
    if not found:
        raise MissingExtraError(
            "this needs a C compiler (cc, gcc or clang), not installed here: 'apt install gcc', or "
            "name one in the environment variable CC"
        )
    return found[0]


def compiled(model: ModelFile, folder: Path | None = None) -> Path:
    """Return the shared library of a model for this CPU; it is compiled the first time.

    Args:
        model: An int8 file.
        folder: Where libraries are kept; None for ``private_folder()``.

    Raises:
        ModelError: The model is not one that is proved to be exact in integers, or its code cannot
            be compiled here.
        MissingExtraError: There is no compiler.
        OutputError: The folder cannot be had.
    """
    code = source.render(network.read(model), NAME, __version__)
    compiler = require_compiler()
    kept = private_folder() if folder is None else folder
    with tempfile.TemporaryDirectory(dir=kept) as name:
        work = Path(name)
        flags = [*FLAGS, *compiler.native(work)]
        parts = (code.header, code.code, compiler.version, *compiler.command, *flags, _cpu())
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        library = kept / f"{digest}.so"
        if library.exists():
            return library
        for file, content in code.files.items():
            (work / file).write_text(content, encoding="utf-8")
        try:
            compiler.build([work / f"{NAME}.c"], flags, work / "library.so")
        except CompileError as error:
            raise ModelError(f"the C code of {model.origin} cannot be compiled: {error}") from error
        # Whole or not at all, though others may make the same at the same time.
        (work / "library.so").replace(library)
    return library


def private_folder() -> Path:
    """Return the folder of libraries, which nobody but this user can write to.

    A library that is loaded runs as this user: so it must not be another's.

    Raises:
        OutputError: It cannot be made, or is another user's, or others may write to it.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # A name with "~" left in it stands for no home at all.
    home = Path(cache) if Path(cache).is_absolute() else Path(os.path.expanduser("~/.cache"))  # noqa: PTH111
    folder = home / "mnist-edge" / "c"
    try:
        if not home.is_absolute():
            raise OSError(0, "there is no home directory: set HOME or XDG_CACHE_HOME")
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise OutputError(
            f"cannot keep compiled code in {folder}: {error.strerror or error}"
        ) from error
    others = hasattr(os, "getuid") and (
        found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
    if others or not stat.S_ISDIR(found.st_mode):
        raise OutputError(
            f"expected {folder} to be a folder that this user alone can write to: delete it, or "
            "set XDG_CACHE_HOME"
        )
    return folder


def _cpu() -> str:
    """Return what tells this CPU from others that code was compiled for."""
    known = [platform.machine()]
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:  # not Linux
        return f"{known[0]} {platform.processor()}"
    names = ("flags", "Features", "isa", "model name", "CPU part", "CPU implementer", "features")
    known += sorted({line for line in lines if line.partition(":")[0].strip() in names})
    return "\n".join(known)
