from collections.abc import Sequence

import pytest

from mnist_edge.c99 import compilers
from mnist_edge.c99.compilers import Compiler


@pytest.fixture(scope="session")
def all_compilers() -> Sequence[Compiler]:
    return compilers.found() or pytest.skip("no C compiler here")
