// What forms and ruled paper print around digits: frames and lines, taken out of the ink
// (preprocess/lines.py).

const lines = (() => {
  const FRAME = 0.8, STEEPEST = 0.15, OFF_LINE = 0.06, THICKEST = 0.2, DIVIDER = 0.8, SLOPES = 8;
  const PIECES = 0.25, THIN = 0.75, RULED = 0.3;

  function transposed({ height, width, data }) {
    const out = bytes(width, height);
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) out.data[x * height + y] = data[i];
    return out;
  }

  function flipped({ height, width, data }) {
    const out = bytes(height, width);
    for (let y = 0; y < height; y++)
      out.data.set(data.subarray(y * width, (y + 1) * width), (height - 1 - y) * width);
    return out;
  }

  // Each side in turn becomes the upper one, and goes back.
  const same = (a) => a;
  const TURNS = [
    [same, same],
    [flipped, flipped],
    [transposed, transposed],
    [(a) => flipped(transposed(a)), (a) => transposed(flipped(a))],
  ];

  const without = (a, other) => ({ ...a, data: a.data.map((set, i) => set & ~other.data[i] & 1) });

  // Ink without the frame that runs around it, and the lines between its cells; null if there is
  // no frame around.
  function withoutFrame(own) {
    if (Math.min(own.height, own.width) < 12) return null;
    const sides = TURNS.map(([turn]) => upperSide(turn(own)));
    if (sides.includes(null)) return null;
    let left = own;
    TURNS.forEach(([turn, back], number) => {
      left = back(erased(turn(left), sides[number]));
    });
    const thick = largest(sides.map((side) => side.thick));
    const deep = sides.map((side) => median(side.first));
    const wide = own.width - deep[2] - deep[3] - 2 * thick;
    const high = own.height - deep[0] - deep[1] - 2 * thick;
    const across = straightRuns(left, round(DIVIDER * wide), 0, 2.5 * thick);
    const turned = straightRuns(transposed(left), round(DIVIDER * high), 0, 2.5 * thick);
    return without(without(left, across), transposed(turned));
  }

  // The straight line along the top of a part: where it begins in each column, and how thick it is.
  function upperSide(own) {
    const { height, width, data } = own, columns = [], first = new Float32Array(width);
    for (let x = 0; x < width; x++) {
      let y = 0;
      while (y < height && !data[y * width + x]) y++;
      if (y < height) columns.push(x);
      first[x] = y < height ? y : 0;
    }
    if (columns.length / width < FRAME) return null;
    const third = Math.max(1, Math.floor(width / 3));
    const middle = (some) => (some.length ? median(some.map((x) => first[x])) : 0);
    const low = middle(columns.filter((x) => x < third));
    const high = middle(columns.filter((x) => x >= width - third));
    const slope = (high - low) / Math.max(1, width - third);
    const { fround } = Math; // in float32, as numpy works it out
    const line = Float32Array.from(first, (_, x) =>
      fround(low) + fround(fround(slope) * fround(x - (third - 1) / 2)));
    const reach = Math.max(1.5, OFF_LINE * Math.min(height, width));
    const near = columns.filter((x) => fround(Math.abs(fround(first[x] - line[x]))) <= reach);
    if (Math.abs(slope) > STEEPEST || near.length / width < FRAME) return null;
    const deep = depths(own, first), thick = median(near.map((x) => deep[x]));
    if (thick > THICKEST * Math.min(height, width)) return null;
    for (const x of near) line[x] = first[x];
    return { first: line, thick };
  }

  // How many pixels of ink follow on the first of each column.
  function depths({ height, width, data }, first) {
    return first.map((start, x) => {
      let y = start + 1;
      while (y < height && data[y * width + x]) y++;
      return Math.min(y, height) - start;
    });
  }

  // Take a side out of a part: its thickness and a little, where no stroke goes on from it.
  function erased(a, { first, thick }) {
    const depth = thick + Math.max(1, 0.3 * thick), out = { ...a, data: a.data.slice() };
    for (let x = 0; x < a.width; x++) {
      const start = Math.fround(first[x] - 1), stop = Math.fround(first[x] + Math.fround(depth));
      for (let y = Math.max(0, Math.ceil(start)); y < a.height && y < stop; y++)
        out.data[y * a.width + x] = 0;
    }
    return out;
  }

  // Ink without the long straight lines through it.
  function withoutLines(own, length, upright) {
    let left = own;
    if (own.width >= length)
      left = without(left, straightRuns(own, round(length), slopeOf(own), Infinity));
    if (own.height >= upright) {
      const turned = transposed(own);
      const runs = straightRuns(turned, round(upright), slopeOf(turned), Infinity);
      left = without(left, transposed(runs));
    }
    return left;
  }

  // Ink without ruled lines that are so faint that they are broken. `pieces` are flat parts and
  // specks of it: without lines of such, nothing is taken out.
  function withoutRules(mask, pieces) {
    const { width } = mask, { ceil } = Math;
    if (width < 3 || sum(pieces.data) < PIECES * width) return mask;
    const slope = slopeOf(pieces), flat = leveled(pieces, slope);
    const edges = [0, ceil(width / 3), ceil(width / 3) + ceil((width - 1) / 3), width];
    const wide = thickened(flat);
    const thirds = [0, 1, 2].map((third) => covered(wide, edges[third], edges[third + 1]));
    const proven = thirds[0].map((_, row) => thirds.every((third) => third[row] >= PIECES));
    const level = leveled(mask, slope), tall = heights(level), rowOf = (i) => Math.floor(i / width);
    const onLines = [...tall].filter((_, i) => flat.data[i] && proven[rowOf(i)]);
    if (!onLines.length) return mask;
    const usual = median(onLines);
    if (usual > THIN * parts.strokeOf(without(mask, pieces))) return mask;
    const thin = { ...level };
    thin.data = level.data.map((set, i) => set && tall[i] <= thickestOf(usual));
    const ruled = covered(thickened(thin), 0, width).map((share) => share >= RULED);
    const isRuled = (row) => ruled[row - 1] || ruled[row] || ruled[row + 1];
    thin.data = thin.data.map((set, i) => set && isRuled(rowOf(i)));
    return without(mask, back(thin, mask, slope));
  }

  // The share of each row that is set between two columns.
  function covered({ height, width, data }, start, stop) {
    return Array.from({ length: height }, (_, row) =>
      sum(data.subarray(row * width + start, row * width + stop)) / (stop - start));
  }

  // The slope at which most pixels of a part lie on common lines.
  function slopeOf({ height, width, data }) {
    let best = [-1, 0];
    for (let hundredths = -SLOPES; hundredths <= SLOPES; hundredths++) {
      const shift = shifts(width, hundredths / 100);
      const count = new Float64Array(height + 2 * width + 1);
      for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++, i++) if (data[i]) count[y - shift[x] + width] += 1;
      let energy = 0;
      for (const amount of count) energy += amount * amount;
      if (energy > best[0]) best = [energy, hundredths / 100];
    }
    return best[1];
  }

  const shifts = (width, slope) =>
    Int32Array.from({ length: width }, (_, x) => Math.floor(x * slope + 0.5));

  // The pixels of straight lines from left to right, without the strokes that cross them.
  function straightRuns(own, length, slope, thickest) {
    const level = leveled(own, slope), tall = heights(level), heightsThere = [];
    const onLine = { ...level, data: new Uint8Array(level.data.length) };
    // A line wavers by a pixel.
    for (const [start, stop] of runsOf(thickened(level).data, own.width)) {
      if (stop - start < length) continue;
      for (let i = start; i < stop; i++) {
        if (!level.data[i]) continue;
        onLine.data[i] = 1;
        heightsThere.push(tall[i]);
      }
    }
    if (!heightsThere.length) return bytes(own.height, own.width);
    const limit = Math.min(thickestOf(median(heightsThere)), thickest);
    onLine.data = onLine.data.map((set, i) => set && tall[i] <= limit);
    return back(onLine, own, slope);
  }

  // How many pixels of ink above each other are still a line, not a stroke across it.
  const thickestOf = (usual) => 1.6 * usual + 1;

  // A mask so moved that lines of a slope are level.
  function leveled(own, slope) {
    const { height, width } = own, margin = marginOf(width, slope);
    const level = bytes(height + 2 * margin, width);
    moved(own, slope, (i, place) => {
      level.data[place] = 1;
    });
    return level;
  }

  // A mask that `leveled` made of `own`, or a part of it, moved back.
  function back(level, own, slope) {
    const out = bytes(own.height, own.width);
    moved(own, slope, (i, place) => {
      out.data[i] = level.data[place];
    });
    return out;
  }

  // Call with the place of each pixel that is set, and its place where lines of a slope are level.
  function moved({ height, width, data }, slope, call) {
    const shift = shifts(width, slope), margin = marginOf(width, slope);
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++)
        if (data[i]) call(i, (y - shift[x] + margin) * width + x);
  }

  const marginOf = (width, slope) => largest(shifts(width, slope).map(Math.abs)) + 1;

  // A mask with the rows above and below.
  function thickened({ height, width, data }) {
    const out = bytes(height, width);
    for (let i = 0; i < data.length; i++)
      out.data[i] = data[i] | (data[i - width] ?? 0) | (data[i + width] ?? 0);
    return out;
  }

  // Pixels that lie side by side in a row: the places of the first and behind the last.
  function runsOf(data, width) {
    const runs = [];
    for (let row = 0; row < data.length; row += width) {
      for (let i = row; i < row + width; i++) {
        if (!data[i]) continue;
        const start = i;
        while (i < row + width && data[i]) i++;
        runs.push([start, i]);
      }
    }
    return runs;
  }

  // For each pixel of a mask how many lie above and below it without a gap.
  function heights(own) {
    const turned = transposed(own), tall = new Int32Array(own.data.length);
    for (const [start, stop] of runsOf(turned.data, turned.width)) {
      const x = Math.floor(start / own.height);
      for (let i = start; i < stop; i++)
        tall[(i - x * own.height) * own.width + x] = stop - start;
    }
    return tall;
  }

  return { withoutFrame, withoutLines, withoutRules };
})();
