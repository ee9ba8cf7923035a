"""The workshop's first room: pixels in, a trained .keras file out. Needs TensorFlow."""
