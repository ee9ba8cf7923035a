"""One HTML file that reads digits in any browser, with no server and no network.

page.py       fills the page and writes it
engine.py     onnxruntime-web, from the npm registry
serving.py    the page over HTTP, on this machine
page.html     the frame; page.css the looks
picture.js    any picture -> 28x28 pixels: mnist_edge/runtime/preprocess in JavaScript
page.js       drawing, files, the network and its answer
"""
