"""Training: pixels in, a trained .keras file out.

    recipes.py        how a network is trained, as data; a new recipe goes there
    stages.py         the way through a recipe; compress.py and search.py to narrower networks
    fit.py            one stage, epoch by epoch; checkpoint.py its state, history.py its figures
    epochs.py         what an epoch shows: images distorted by augment.py and strokes.py,
                      drawn.py's digits and outliers (drawing/), backgrounds.py
    network.py        the Keras network; optimizer.py how it learns
    distillation.py   learning from a teacher; pruning.py dropping units
    calibrate.py      how far its confidence can be trusted
    manifest.py       the .keras file and its manifest

recipes, augment, strokes, drawn, drawing, backgrounds, pruning, calibrate, epochs and history are
data and numpy; the others need TensorFlow, which comes with the extra "export".
"""
