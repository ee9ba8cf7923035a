"""The workshop's first room: pixels in, a trained .keras file out. Needs TensorFlow."""

from mnist_edge.extras import require

require("export", "tensorflow", "keras")
