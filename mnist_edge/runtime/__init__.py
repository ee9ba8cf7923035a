"""The device half: runs an exported file.

Needs numpy and onnxruntime only, and Pillow to open pictures.
"""
