"""Any picture of one digit -> 28x28 pixels as MNIST's makers made them.

Needs Pillow only where a picture file is opened.
"""

from mnist_edge.runtime.preprocess.decode import Picture
from mnist_edge.runtime.preprocess.strokes import Preparation, examine, prepare

__all__ = ["Picture", "Preparation", "examine", "prepare"]
