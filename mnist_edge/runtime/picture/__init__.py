"""Any picture of one digit -> 28x28 pixels as MNIST makes them. Needs Pillow only where a picture file is opened."""

from mnist_edge.runtime.picture.compose import Preparation, examine, prepare
from mnist_edge.runtime.picture.decode import Picture

__all__ = ["Picture", "Preparation", "examine", "prepare"]
