"""Hostile inputs, made from a seed, for each reader of files and pictures: make fuzz.

onnx_files.py      models: their protocol buffers, operators and shapes
archives.py        .keras files, .npz files and checkpoints: zip archives and what is in them
json_files.py      benchmark reports and manifests
pictures.py        pictures and arrays of pixels
idx_files.py       IDX files, plain and .gz
damage.py          what all of them share: bytes flipped, cut, repeated
readers.py         the public way through each reader, with its limits
worker.py          the process in which an input is read
__main__.py        runs them, counts, and keeps what was found
"""
