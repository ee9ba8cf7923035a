"""How sure an answer is, and when it is none: the temperature and the limit that a file carries."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_edge.errors import ModelError


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a model's file knows of its own confidence, measured on images held back in training.

    Attributes:
        temperature: What the logits are divided by (Guo et al., On Calibration of Modern Neural
            Networks, 2017).
        reject_below: The confidence that one in a hundred real images falls short of; None where
            the file carries no limit: then nothing is rejected.
    """

    temperature: float = 1.0
    reject_below: float | None = None

    @classmethod
    def read(cls, metadata: Mapping[str, str], origin: str) -> "Calibration":
        """Read the calibration from metadata_props.

        Without a temperature probabilities stay as they are, without a limit nothing is rejected.

        Args:
            metadata: The file's metadata_props.
            origin: What to call the file in an error's text.

        Raises:
            ModelError: The numbers there make no sense.
        """
        try:
            temperature = float(metadata.get("temperature", 1.0))
            limit = float(metadata.get("reject_below", 0.0))
        except ValueError:
            temperature = limit = float("nan")
        if not (0.01 <= temperature <= 100 and 0 <= limit <= 1):
            raise ModelError(
                f"expected a temperature from 0.01 to 100 and a limit from 0 to 1 in the metadata "
                f"of {origin}, received {metadata.get('temperature')!r} and "
                f"{metadata.get('reject_below')!r}"
            )
        return cls(temperature, limit if "reject_below" in metadata else None)

    def soften(self, probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated probabilities, float64, for (..., classes) of the network's."""
        # A power of probabilities that are made to sum to 1 again is a division of their logits.
        softened = probabilities.astype(np.float64) ** (1 / self.temperature)
        return np.asarray(softened / softened.sum(axis=-1, keepdims=True))

    def confidences(self, probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the calibrated probability of the most probable class, for (..., classes)."""
        return np.asarray(self.soften(probabilities).max(axis=-1))


UNCALIBRATED = Calibration()
"""Probabilities as they are, and nothing rejected."""
