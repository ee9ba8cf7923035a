"""The device half: runs an exported file. Needs numpy and onnxruntime only (Pillow to open pictures)."""
