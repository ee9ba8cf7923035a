"""C source of a quantized file: C99 that computes the integers that onnxruntime computes.

Needs numpy and the runtime half alone, so that it runs on the device.

  network.py       a file as integers; refuses what is not proved to be exact
  walk.py          its graph, layer by layer (layers.py), with the values of tensors.py
  head.py          its end, where one score stands for two classes
  requantize.py    what uint8 a sum becomes, tried of every sum
  trial.py         what onnxruntime makes of any sum, found by running it
  rejection.py     the confidence by a table of powers
  selftest.py      the images with which a device proves itself
  source.py        templates/ filled with all that
  compilers.py     the C compilers of this machine
  gate.py          compiled code beside onnxruntime, on every verification image
  library.py       compiled code as a shared library, called from Python
"""
