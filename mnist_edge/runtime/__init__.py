"""The device half: runs an exported file. Needs numpy and onnxruntime, Pillow to open pictures.

A file, from its bytes to a session; each step has its own limits on a hostile one:

    model_file.py     the way through
    protobuf.py       bytes; onnx_schema.py says which messages and fields there may be
    graph.py          structure: nodes, weights, and what of them belongs together
    operators/        which operators, and the work and shapes that a graph of them comes to
    ../model_spec.py  metadata: what the file takes, answers and was made from
    session.py        onnxruntime's session; binding.py the short way for one image

An image, from an app's hands to its class:

    predictor.py      Predictor, which an app embeds
    preprocess/       any picture -> 28x28 pixels
    images.py         an app's array -> rows that the model takes
    confidence.py     how sure an answer is
    prediction.py     the answers
    number.py         the digits of a whole number: which pieces of its rows they are
    lifetime.py       forks, threads and exits; telemetry.py keeps onnxruntime from reporting

A new limit goes to the step whose part of the file it is about.
"""
