"""Every measurement finds what it imports: they run seldom, and a name may have moved since."""

import importlib
import pkgutil

import pytest

from tests import measurements

ELSEWHERE = frozenset(["c_peers_bakenn"])
"""Run in an environment of their own, which has what they import."""

SCRIPTS = [
    found.name
    for found in pkgutil.walk_packages(measurements.__path__, "tests.measurements.")
    if found.name.rpartition(".")[2] not in ELSEWHERE and ".test_" not in found.name
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_measurement_imports_is_there(name: str) -> None:
    importlib.import_module(name)
