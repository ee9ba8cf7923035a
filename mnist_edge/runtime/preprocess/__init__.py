"""Any picture -> what a network takes: MNIST's pixels of one digit, or an image of any shape.

Needs Pillow only where a picture file is opened, or a picture is stretched.
"""

from mnist_edge.runtime.preprocess.decode import Picture
from mnist_edge.runtime.preprocess.resize import stretch
from mnist_edge.runtime.preprocess.strokes import Preparation, examine, prepare

__all__ = ["Picture", "Preparation", "examine", "prepare", "stretch"]
