import pytest

from mnist_edge.contract import LABELS, Contract
from mnist_edge.errors import ModelError

GOOD = {"contract": "1", "input": "unit", "precision": "fp32", "labels": LABELS}


def test_reads_what_a_file_promises() -> None:
    assert Contract.read(GOOD, "x") == Contract("fp32", "unit")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contract": "2"}, "version 2 .* reads version 1"),
        ({"input": "floats"}, "input=unit or input=pixels"),
        ({"labels": "a,b"}, "expected labels="),
    ],
)
def test_refuses_other_promises(change: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Contract.read(GOOD | change, "x")


def test_refuses_files_of_others() -> None:
    with pytest.raises(ModelError, match="made by 'mnist-edge export'"):
        Contract.read({}, "x")
