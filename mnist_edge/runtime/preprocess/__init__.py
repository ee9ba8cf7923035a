"""Any picture -> what a network takes: MNIST's pixels of one digit, or an image of any shape.

Of a whole number, rows.py finds the rows (lines.py takes frames and ruled lines out), cuts.py cuts
what touches, and candidates.py makes of each run of pieces what the network takes.

Needs Pillow, which is imported with the first picture.
"""

from mnist_edge.runtime.preprocess.decode import Picture
from mnist_edge.runtime.preprocess.resize import fit
from mnist_edge.runtime.preprocess.strokes import Preparation, examine, prepare

__all__ = ["Picture", "Preparation", "examine", "fit", "prepare"]
