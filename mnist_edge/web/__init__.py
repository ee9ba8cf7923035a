"""One HTML file that reads digits, or any image, in any browser: no server, no network.

page.py       fills the page and writes it
engine.py     onnxruntime-web, from the npm registry
serving.py    the page over HTTP, on this machine
page.html     the frame; page.css the looks
picture.js    any picture -> 28x28 pixels: mnist_edge/runtime/preprocess in JavaScript
resize.js     any picture -> an image of another shape: the same
numbers/      any picture -> a whole number: the same, a file for each module of Python's
page.js       drawing, files, the network and its answer
showing.js    what only the pages of models of pictures have
switching.js  what only the pages that read whole numbers have: the switch, the boxes
wording.py    the sentences that depend on the model
"""
