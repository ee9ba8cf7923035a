// The connected parts of the ink, with the number of each pixel's.
//
// The files in this folder are the modules of mnist_edge/runtime of the same names, function by
// function in the same order; the reasons stand there. Each leaves one name, its own. They stand in
// the pages that read whole numbers alone, behind picture.js, which has the rest of what they use:
// a plane is {height, width, data}, a box is [top, bottom, left, right].

const parts = (() => {
  // How many pieces of a mask there are, and the labels: the number of each pixel's piece, from 1.
  function label(mask) {
    const { height, width, data } = mask, labels = new Int32Array(height * width);
    const pieces = piecesOf(data, height, width);
    pieces.forEach((pixels, index) => {
      for (const i of pixels) labels[i] = index + 1;
    });
    return [pieces.length, { height, width, data: labels }];
  }

  // The labels, and the parts of the mask from the largest down to a speck. `pixels` of a part are
  // the places of them, from the first row down.
  function findParts(ink, mask) {
    const { height, width } = mask, [count, labels] = label(mask);
    const pixels = Array.from({ length: count }, () => []);
    labels.data.forEach((number, i) => {
      if (number) pixels[number - 1].push(i);
    });
    const all = pixels.map((own, index) => ({
      number: index + 1,
      ...describe(own, ink.data, height, width),
    }));
    return [labels, withoutSpecks(all)];
  }

  // Of a plane of numbers, the part in a box in which one of them stands: 1 there, else 0.
  function only(labels, number, [top, bottom, left, right]) {
    const out = bytes(bottom - top, right - left);
    for (let y = top, to = 0; y < bottom; y++)
      for (let x = left; x < right; x++, to++)
        out.data[to] = labels.data[y * labels.width + x] === number ? 1 : 0;
    return out;
  }

  // The width of strokes in pixels: twice the ink over the length of its outline.
  function strokeOf({ height, width, data }) {
    let outline = 0, ink = 0;
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const here = data[i] > 0;
        ink += here;
        if (y > 0) outline += here !== data[i - width] > 0;
        if (x > 0) outline += here !== data[i - 1] > 0;
      }
    }
    return (2 * ink) / Math.max(1, (outline * Math.PI) / 4);
  }

  return { findParts, only, strokeOf };
})();
