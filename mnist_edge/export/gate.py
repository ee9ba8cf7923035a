"""Whether a file keeps the gate of its precision: a sentence for each part that it misses."""

import math
from collections.abc import Iterator, Sequence

from mnist_edge.export.parity import CLEAR_MARGIN
from mnist_edge.export.quantize import Gate
from mnist_edge.export.reference import Reference
from mnist_edge.export.reports import Parity

GATE_IMAGES = 10_000
"""MNIST's test images, which the gates were made for."""

MAX_SUM_ERROR = 1e-3

READS_WELL = 0.98
"""Accuracy from which a reference's every answer counts. What reads worse, or reads made inputs,
hesitates between classes where rounding decides: of it the clear answers count."""

_LOSS_OF_OTHERS = 0.001
"""Accuracy that a file may lose of a reference that reads worse."""


def missed(
    gate: Gate,
    parity: Parity,
    size: int,
    reference: Reference,
    operators: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return a sentence for each part of a gate that a file misses.

    Args:
        gate: Of the file's precision.
        parity: How close the file comes to the reference.
        size: Its bytes.
        reference: What it was measured against.
        operators: The operators of its graph, some of which take room.
    """
    failures = [*_answers(gate, parity), *missed_shares(gate, parity, reference)]
    limit = gate.max_bytes(reference.weights, operators)
    if size > limit:
        failures.append(f"the file has {size:,} bytes, {limit:,} are allowed")
    return tuple(failures)


def _answers(gate: Gate, parity: Parity) -> Iterator[str]:
    assert parity.max_abs_diff is not None
    assert parity.max_sum_error is not None
    # "not <=" rather than ">": a number that is none must fail.
    if parity.max_score_diff is not None and not parity.max_score_diff <= gate.max_score_diff:
        yield (
            f"a score differs by {parity.max_score_diff:.2g} of the largest one, "
            f"{gate.max_score_diff:.2g} is allowed"
        )
    if not math.isfinite(parity.max_abs_diff):
        yield "a probability is no number"
    margin = max((flip.margin for flip in parity.flips), default=0.0)
    if not margin <= gate.max_flip_margin:
        yield (
            f"an answer differs where the reference has a margin of {margin:.2g}, "
            f"{gate.max_flip_margin:.2g} is allowed"
        )
    if not parity.max_sum_error <= MAX_SUM_ERROR:
        yield "the probabilities of an input do not sum to 1"


def missed_shares(gate: Gate, parity: Parity, reference: Reference) -> Iterator[str]:
    """Yield a sentence for each share that a file misses: agreement, accuracy."""
    reads_well = reference.accuracy is not None and reference.accuracy >= READS_WELL
    agreement = parity.agreement
    where = ""
    if not reads_well and parity.clear_agreement is not None:
        agreement = parity.clear_agreement
        where = f" where the reference has a margin of {CLEAR_MARGIN}"
    assert agreement is not None
    if not agreement >= gate.min_agreement:
        yield f"agreement is {agreement:.4f}{where}, at least {gate.min_agreement} is required"
    if reference.accuracy is None or parity.accuracy is None:
        return
    allowed = gate.max_accuracy_loss
    if not reads_well:
        allowed = max(allowed, _LOSS_OF_OTHERS)
    # Of fewer images as many may be lost as of all: they show less of the share.
    allowed *= max(1, GATE_IMAGES / len(reference.probabilities))
    loss = reference.accuracy - parity.accuracy
    if not loss <= allowed + 1e-9:  # the fractions are not exact
        yield (
            f"accuracy is {100 * loss:.2f} points below the reference, {100 * allowed:.2f} are "
            "allowed"
        )
