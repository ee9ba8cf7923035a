import numpy as np
import pytest

from mnist_edge.export.quantize.rounding import MOST_OF_TWO, Moments, rounded


def moments_of(inputs: np.ndarray) -> Moments:
    """Taken in by halves."""
    moments = Moments(inputs.shape[1])
    for part in np.array_split(inputs, 2):
        moments.add(part)
    return moments


@pytest.fixture
def layer() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, inputs that go together in part, and the size of a step."""
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.2, (65, 20)).astype(np.float32)
    inputs = np.maximum(rng.normal(0, 1, (500, 12)) @ rng.normal(0, 1, (12, 65)), 0)
    return weight, inputs, np.array([0.02])


def test_the_sums_stay_closer_than_with_each_weight_rounded_for_itself(
    layer: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    weight, inputs, step = layer
    exact = inputs @ weight
    nearest = inputs @ (np.rint(weight / step) * step)
    ours = inputs @ (rounded(weight, moments_of(inputs), step) * step)
    assert np.square(ours - exact).mean() < 0.5 * np.square(nearest - exact).mean()


def test_no_two_neighbours_overflow(layer: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    weight, inputs, _ = layer
    for step in (
        np.array([0.005]),
        np.full(20, 0.004),
    ):  # much too small a step: most weights are at the limit
        steps = rounded(weight, moments_of(inputs), step)
        pairs = np.pad(steps, ((0, 1), (0, 0))).reshape(-1, 2, 20)
        assert np.abs(steps).max() <= 127
        assert np.maximum(pairs, 0).sum(axis=1).max() <= MOST_OF_TWO
        assert np.minimum(pairs, 0).sum(axis=1).min() >= -MOST_OF_TWO


def test_whole_steps_stay_as_they_are(layer: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    _, inputs, _ = layer
    steps = np.random.default_rng(1).integers(-60, 60, (65, 20))
    np.testing.assert_array_equal(
        rounded(steps.astype(np.float32), moments_of(inputs), np.array([1.0])), steps
    )


def test_inputs_that_are_always_zero_do_no_harm(
    layer: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    weight, inputs, step = layer
    inputs[:, :30] = 0
    np.testing.assert_array_equal(
        rounded(weight, moments_of(inputs), step)[:30], np.rint(weight[:30] / step)
    )
    assert np.isfinite(rounded(weight, moments_of(np.zeros_like(inputs)), step)).all()


def test_many_inputs_are_looked_at_in_blocks() -> None:
    """Two thousand of them: each block's sums stay closer by themselves."""
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.2, (2100, 3)).astype(np.float32)
    inputs = np.maximum(rng.normal(0, 1, (400, 20)) @ rng.normal(0, 1, (20, 2100)), 0)
    step = np.array([0.05])
    parts = [part for part, _ in moments_of(inputs).blocks()]
    assert [part.start for part in parts] == [0, 1024, 2048]
    steps = rounded(weight, moments_of(inputs), step)
    for part in parts:
        exact = inputs[:, part] @ weight[part]
        nearest = inputs[:, part] @ (np.rint(weight[part] / step) * step)
        ours = inputs[:, part] @ (steps[part] * step)
        assert np.square(ours - exact).mean() < 0.5 * np.square(nearest - exact).mean()


def test_without_pairs_each_weight_has_the_whole_range() -> None:
    weight = np.full((4, 1), 1.0, np.float32)
    inputs = np.eye(4)
    alone = rounded(weight, moments_of(inputs), np.array([1 / 127]), pairs=False)
    together = rounded(weight, moments_of(inputs), np.array([1 / 127]))
    assert alone.ravel().tolist() == [127.0] * 4
    assert together.ravel().tolist() == [127.0, 1.0, 127.0, 1.0]
