// How often lines across and down a digit meet its strokes: what tells one digit from two
// (preprocess/crossings.py).

const crossings = (() => {
  const INK = 96, MANY = 3, SIDE = 28;

  // The strokes on each row and column with ink of an image: on average on a row and on a column,
  // and the share of the rows with three or more.
  function countCrossings(pixels) {
    const at = (first, step) => {
      let strokes = 0, ink = 0;
      for (let k = 0; k < SIDE; k++) {
        const here = pixels[first + k * step] > INK;
        ink += here;
        // A stroke begins where ink follows on paper; the border of an image has none.
        if (k > 0) strokes += here && pixels[first + (k - 1) * step] <= INK;
      }
      return { strokes, ink };
    };
    const places = Array.from({ length: SIDE }, (_, k) => k);
    const across = places.map((y) => at(y * SIDE, 1)), down = places.map((x) => at(x, SIDE));
    const lines = (some) => Math.max(1, some.filter(({ ink }) => ink).length);
    const strokes = (some) => sum(some.map((one) => +one.strokes));
    return {
      across: strokes(across) / lines(across),
      down: strokes(down) / lines(down),
      many: across.filter((one) => one.strokes >= MANY).length / lines(across),
    };
  }

  return { countCrossings };
})();
