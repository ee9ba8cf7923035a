// Any picture of one digit -> the 28x28 pixels that MNIST's makers would have made of it.
//
// This is mnist_edge/runtime/preprocess, function by function and under the same names; the reasons
// stand there. A plane is {height, width, data}, data a Float64Array row by row, from 0 to 1. A
// picture is three planes: red, green, blue.

class PictureError extends Error {}

const DETAIL = 1024, VIEW = 192, FAINT = 0.03, RING = 0.08;
const CANVAS = 80, STROKE = 2.8, MOST_COVERED = 0.75, NARROW = 0.4, WIDEST = 1.6, CENTRE = 14.5;

// What was made of a picture: pixels (784 bytes, white on black), and whether they look like one
// digit at all.
function examine(imageData) {
  const found = locate(decode(imageData));
  return asMnistMade(found) ?? compose(found);
}

// -- planes and numbers (numeric.py) --------------------------------------------------------------

function plane(height, width, value = null) {
  const data = new Float64Array(height * width);
  if (!value) return { height, width, data };
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) data[i] = value(y, x, i);
  return { height, width, data };
}

// A loop of its own takes a tenth of the time of a typed array's map.
function map({ height, width, data }, change) {
  const out = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = change(data[i], i);
  return { height, width, data: out };
}

const at = (a, y, x) =>
  y < 0 || x < 0 || y >= a.height || x >= a.width ? 0 : a.data[y * a.width + x];
const cut = (a, top, bottom, left, right) =>
  plane(bottom - top, right - left, (y, x) => at(a, top + y, left + x));

function take(values, places) {
  const out = new Float64Array(places.length);
  for (let k = 0; k < places.length; k++) out[k] = values[places[k]];
  return out;
}

const clip = (value, low, high) => Math.min(Math.max(value, low), high);
const mean = (values) => sum(values) / values.length;

function count(length) {
  const numbers = [];
  for (let i = 0; i < length; i++) numbers.push(i);
  return numbers;
}

function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

function dot(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

function largest(values) {
  let most = -Infinity;
  for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
  return most;
}

// To the nearest whole number, and from the middle to the even one, as Python and numpy do.
function round(value) {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

function quantile(values, share) {
  const ordered = Float64Array.from(values).sort(),
    place = share * (ordered.length - 1),
    below = Math.floor(place);
  const above = Math.min(below + 1, ordered.length - 1);
  return ordered[below] + (place - below) * (ordered[above] - ordered[below]);
}

const median = (values) => quantile(values, 0.5);

// How to make means of pixels over equal intervals between start and stop: for each, its first
// pixel and the weights.
function overlap(length, intervals, start, stop) {
  const step = (stop - start) / intervals;
  return count(intervals).map((i) => {
    const low = start + i * step,
      high = low + step,
      weights = [];
    const first = Math.max(0, Math.floor(low)),
      end = Math.min(length, Math.ceil(high));
    for (let p = first; p < end; p++)
      weights.push(Math.max(0, Math.min(high, p + 1) - Math.max(low, p)) / step);
    return { first, weights };
  });
}

// Area means to make smaller, linear interpolation to make larger.
function resizing(length, wanted) {
  if (wanted <= length) return overlap(length, wanted, 0, length);
  return count(wanted).map((i) => {
    const position = clip((i + 0.5) * (length / wanted) - 0.5, 0, length - 1),
      first = Math.floor(position);
    return { first, weights: first + 1 < length ? [1 - position + first, position - first] : [1] };
  });
}

function resample(a, down, across) {
  const narrow = plane(a.height, across.length, (y, x) => {
    const { first, weights } = across[x];
    let total = 0;
    for (let k = 0; k < weights.length; k++) total += weights[k] * a.data[y * a.width + first + k];
    return total;
  });
  return plane(down.length, across.length, (y, x) => {
    const { first, weights } = down[y];
    let total = 0;
    for (let k = 0; k < weights.length; k++)
      total += weights[k] * narrow.data[(first + k) * narrow.width + x];
    return total;
  });
}

const resize = (a, height, width) =>
  resample(a, resizing(a.height, height), resizing(a.width, width));

// -- colours on paper (pixels.py) -----------------------------------------------------------------

function decode({ data, width, height }) {
  const block = Math.ceil(Math.max(height, width) / DETAIL);
  const tall = Math.min(block, height), rows = Math.floor(height / tall);
  const wide = Math.min(block, width), columns = Math.floor(width / wide);
  const layers = count(4).map(() => plane(rows, columns));
  const [red, green, blue, opacity] = layers.map((layer) => layer.data);
  for (let y = 0; y < rows * tall; y++) {
    const row = Math.floor(y / tall) * columns;
    for (let x = 0; x < columns * wide; x++) {
      const from = 4 * (y * width + x),
        to = row + Math.floor(x / wide),
        opaque = data[from + 3] / 255;
      red[to] += (opaque * data[from]) / 255;
      green[to] += (opaque * data[from + 1]) / 255;
      blue[to] += (opaque * data[from + 2]) / 255;
      opacity[to] += opaque;
    }
  }
  for (const { data: totals } of layers)
    for (let i = 0; i < totals.length; i++) totals[i] /= tall * wide;
  return flatten(layers.slice(0, 3), opacity);
}

function flatten(colour, opacity) {
  if (opacity.every((share) => share === 1)) return colour;
  const light = sum(colour.map(({ data }) => sum(data))) > 1.5 * sum(opacity);
  let paper = light ? [0, 0, 0] : [1, 1, 1];
  const solid = count(opacity.length).filter((i) => opacity[i] > 0.5);
  if (solid.length > opacity.length / 2) {
    const [red, green, blue] = colour.map(({ data }) => solid.map((i) => data[i] / opacity[i]));
    const brightness = red.map((value, k) => (value + green[k] + blue[k]) / 3);
    if (largest(brightness) + largest(brightness.map((value) => -value)) > 0.2)
      paper = [red, green, blue].map(median);
  }
  return colour.map((a, c) => map(a, (value, i) => value + paper[c] * (1 - opacity[i])));
}

// -- where the digit is (ink.py, parts.py) --------------------------------------------------------

function locate(picture) {
  let found = find(view(picture));
  for (let turn = 0; turn < 2; turn++) {
    const longest = Math.max(found.ink.height, found.ink.width),
      [top, bottom, left, right] = found.box;
    const factor = Math.max(picture[0].height, picture[0].width) / longest;
    if (!found.sheet && (Math.max(bottom - top, right - left) >= 0.55 * longest || longest <= 40))
      break;
    const closer = cutOut(picture, found.box, factor, found.sheet ? -0.04 : 0.3);
    let again;
    try {
      again = find(view(closer));
    } catch (error) {
      if (error instanceof PictureError) break;
      throw error;
    }
    found = found.sheet ? again : { ...again, parts: Math.max(found.parts, again.parts) };
    picture = closer;
  }
  return found;
}

function view(picture) {
  const [{ height, width }] = picture, factor = VIEW / Math.max(height, width);
  if (factor >= 1) return picture;
  return picture.map((a) =>
    resize(a, Math.max(1, round(height * factor)), Math.max(1, round(width * factor))),
  );
}

function ringOf(height, width) {
  const k = Math.max(1, round(RING * Math.min(height, width))), ring = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      if (y < k || y >= height - k || x < k || x >= width - k) ring.push(y * width + x);
  }
  return ring;
}

// The paper's colour everywhere: a quadratic through the ring, then through all that agrees with
// it.
function paperOf(colours) {
  const [{ height, width }] = colours, all = count(height * width), ring = ringOf(height, width);
  const from = (i, length) => (length > 1 ? -1 + (2 * i) / (length - 1) : -1);
  const x = plane(height, width, (_, i) => from(i, width)),
    y = plane(height, width, (i) => from(i, height));
  const product = (a, b) => map(a, (value, i) => value * b.data[i]);
  const terms = [map(x, () => 1), x, y, product(x, x), product(x, y), product(y, y)].map(
    ({ data }) => data,
  );
  let factors = [colours.map(({ data }) => median(take(data, ring)))],
    paper = fitted(terms, factors, colours);
  for (const [size, everywhere] of [
    [3, false],
    [3, false],
    [6, false],
    [6, false],
    [6, true],
    [6, true],
  ]) {
    const [red, green, blue] = colours.map((a, c) =>
      map(a, (value, i) => Math.abs(value - paper[c].data[i])),
    );
    const off = map(red, (value, i) => Math.max(value, green.data[i], blue.data[i])).data;
    const limit = 3 * 1.4826 * median(take(off, ring)) + 0.01;
    const near = (everywhere ? all : ring).filter((i) => off[i] <= limit);
    factors = leastSquares(terms.slice(0, size), colours, near);
    paper = fitted(terms, factors, colours);
  }
  return paper;
}

const fitted = (terms, factors, colours) => colours.map(({ height, width }, c) => {
  const paper = plane(height, width), { data } = paper;
  factors.forEach((row, t) => {
    const term = terms[t], factor = row[c];
    for (let i = 0; i < data.length; i++) data[i] += factor * term[i];
  });
  return paper;
});

// The factors of each term for each colour, by the normal equations and elimination; the slight
// penalty keeps the quadratic flat where few pixels hold it.
function leastSquares(terms, colours, chosen) {
  const size = terms.length,
    columns = [...terms, ...colours.map(({ data }) => data)].map((data) => take(data, chosen));
  const rows = count(size).map((i) => columns.map((column) => dot(columns[i], column)));
  for (let i = 1; i < size; i++) rows[i][i] += 1e-4 * chosen.length;
  for (let i = 0; i < size; i++) {
    for (let other = 0; other < size; other++) {
      const share = rows[other][i] / rows[i][i];
      if (other !== i) rows[other] = rows[other].map((value, j) => value - share * rows[i][j]);
    }
  }
  return rows.map((row, i) => row.slice(size).map((value) => value / row[i]));
}

function smooth(a) {
  if (Math.max(a.height, a.width) <= 64) return a;
  return plane(a.height, a.width, (y, x) => {
    let total = 0;
    for (let i = -1; i <= 1; i++) {
      for (let j = -1; j <= 1; j++)
        total += at(a, clip(y + i, 0, a.height - 1), clip(x + j, 0, a.width - 1));
    }
    return total / 9;
  });
}

// The colour along which pixels leave the paper with most energy.
function direction(off) {
  const energy = off.map((a) => off.map((b) => dot(a.data, b.data)));
  const most = largest(energy.map((row, c) => row[c]));
  let axis = energy.map((row) => row[energy.findIndex((other, c) => other[c] === most)] + 1e-12);
  for (let i = 0; i < 50; i++) {
    axis = axis.map((value) => value / Math.hypot(...axis));
    axis = energy.map((row) => dot(row, axis) + 1e-12);
  }
  return axis.map((value) => value / Math.hypot(...axis));
}

const along = ([red, green, blue], axis) =>
  map(red, (value, i) => axis[0] * value + axis[1] * green.data[i] + axis[2] * blue.data[i]);

// The minimum or maximum over windows of k x k pixels, k odd.
function extreme(a, k, of, outside) {
  for (let turn = 0; turn < 2; turn++) {
    const { height, width, data } = a;
    a = plane(width, height, (x, y) => {
      const last = Math.min(height - 1, y + (k >> 1));
      let best = outside;
      for (let i = Math.max(0, y - (k >> 1)); i <= last; i++) best = of(best, data[i * width + x]);
      return best;
    });
  }
  return a;
}

function broad(a) {
  const k = round(Math.max(a.height, a.width) / 4) | 1;
  return extreme(extreme(a, k, Math.min, Infinity), k, Math.max, -Infinity);
}

function deviation(values) {
  const middle = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)));
}

function find(colours) {
  const paper = paperOf(colours),
    off = colours.map((a, c) => map(a, (value, i) => value - paper[c].data[i]));
  let axis = direction(off),
    signed = smooth(along(off, axis));
  if (sum(signed.data.map((value) => value * Math.abs(value))) < 0) {
    axis = axis.map((value) => -value);
    signed = map(signed, (value) => -value);
  }
  const { height, width, data } = signed,
    ring = ringOf(height, width),
    peak = largest(data.map(Math.abs));
  const strong = ring.filter((i) => Math.abs(data[i]) > 0.15 * peak).length;
  const uneven = peak > FAINT && Math.min(height, width) > 12 && strong / ring.length > 0.1;
  let found = pick(
    map(signed, (value) => Math.max(value, 0)),
    deviation(take(data, ring)),
  );
  if (uneven && !found?.sheet)
    found = pick(...besideShadows(smooth(along(colours, axis)), signed, ring));
  if (found) return found;
  throw new PictureError("This picture is blank, or the ink hardly differs from the paper.");
}

function besideShadows(grey, signed, ring) {
  const [ours, theirs] = [1, -1].map((sign) => {
    const lit = map(grey, (value) => sign * value), paper = broad(lit);
    const ink = map(lit, (value, i) => value - paper.data[i]);
    const energy = sum(
      ink.data.map((value, i) => Math.min(value, Math.max(sign * signed.data[i], 0)) ** 2),
    );
    return { energy, ink, paper: map(paper, (value) => -value) };
  });
  let { ink, paper } = ours.energy >= theirs.energy ? ours : theirs;
  const typical = median(paper.data);
  if (typical > 0.2)
    ink = map(ink, (value, i) => value * clip(typical / Math.max(paper.data[i], 1e-6), 1 / 3, 3));
  const around = take(ink.data, ring),
    level = median(around);
  return [map(ink, (value) => Math.max(value - level, 0)), deviation(around)];
}

function pick(ink, noise) {
  const peak = largest(ink.data);
  if (peak < Math.max(FAINT, 4 * noise)) return null;
  const some = ink.data.filter((value) => value > Math.max(0.1 * peak, 4 * noise));
  const level = sum(some.map((value) => value * value)) / sum(some);
  const mask = ink.data.map((value) => value > Math.max(0.35 * level, 3 * noise));
  if (!mask.includes(1)) return null;
  const parts = partsOf(ink, mask),
    [main, rest] = choose(parts, Math.min(ink.height, ink.width));
  const kept = rest.filter(
    (part) => part.mass >= 0.06 * main.mass && gap(part, main) <= 0.35 * main.side,
  );
  const own = plane(ink.height, ink.width);
  for (const part of kept) for (const i of part.pixels) own.data[i] = 1;
  const edges = (side) => kept.map((part) => part.box[side]);
  return {
    ink,
    own,
    box: [
      Math.min(...edges(0)),
      Math.max(...edges(1)),
      Math.min(...edges(2)),
      Math.max(...edges(3)),
    ],
    parts: rest.filter((part) => part.mass >= 0.25 * main.mass && part.height >= 0.5 * main.height)
      .length,
    sheet: isSheet(main, ink.height, ink.width),
  };
}

// The 8-connected parts of a mask, from the one with most ink down to a hundredth of it.
function partsOf(ink, mask) {
  const { height, width, data } = ink, left = mask.slice(), parts = [];
  for (let start = mask.length - 1; start >= 0; start--) {
    if (!left[start]) continue;
    const pixels = [start];
    left[start] = 0;
    for (const i of pixels) { // grows as it goes
      const y = Math.floor(i / width), x = i % width;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          if (!left[ny * width + nx]) continue;
          left[ny * width + nx] = 0;
          pixels.push(ny * width + nx);
        }
      }
    }
    parts.unshift(describe(pixels, data, height, width));
  }
  const most = largest(parts.map((part) => part.mass));
  return parts.filter((part) => part.mass >= 0.01 * most).sort((a, b) => b.mass - a.mass);
}

// Top, bottom, left and right of pixels by their places; bottom and right exclusive.
function boxAround(pixels, height, width) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (const i of pixels) {
    const y = Math.floor(i / width),
      x = i % width;
    [top, bottom, left, right] = [
      Math.min(top, y),
      Math.max(bottom, y + 1),
      Math.min(left, x),
      Math.max(right, x + 1),
    ];
  }
  return [top, bottom, left, right];
}

function describe(pixels, ink, height, width) {
  const box = boxAround(pixels, height, width), [top, bottom, left, right] = box;
  let mass = 0, depth = 0, rim = 0;
  for (const i of pixels) {
    const y = Math.floor(i / width), x = i % width;
    mass += ink[i];
    depth += ink[i] * Math.min(y, height - 1 - y, x, width - 1 - x);
    rim += ink[i] * Math.min(y - top, bottom - 1 - y, x - left, right - 1 - x);
  }
  const tall = bottom - top, wide = right - left;
  depth /= mass * Math.min(height, width);
  rim /= mass * Math.min(tall, wide);
  return { pixels, box, height: tall, width: wide, side: Math.max(tall, wide), mass, depth, rim };
}

function choose(parts, side) {
  const framing = (part) => part.rim < 0.03 && Math.min(part.height, part.width) >= 0.4 * side;
  const inner = parts.filter((part) => part.depth >= 0.07 && !framing(part));
  const digits = inner.filter((part) => part.side >= 0.15 * side);
  return digits.length ? [digits[0], inner] : [parts[0], parts];
}

const gap = ({ box: a }, { box: b }) =>
  Math.max(a[0] - b[1], b[0] - a[1], a[2] - b[3], b[2] - a[3], 0);

// Whether a part is a sheet of paper or a canvas, seen with what lies around it.
function isSheet(
  { pixels, box: [top, bottom, left, right], height: tall, width: wide, side },
  height,
  width,
) {
  const row = (i) => Math.floor(i / width),
    column = (i) => i % width;
  const share = (on, length) => pixels.filter(on).length / length;
  const edges = Math.min(
    share((i) => row(i) === top, wide), share((i) => row(i) === bottom - 1, wide),
    share((i) => column(i) === left, tall), share((i) => column(i) === right - 1, tall),
  );
  const area = tall * wide,
    margin = Math.min(top, left, height - bottom, width - right);
  const filled =
    pixels.length >= (edges > 0.9 ? 0.5 : 0.72) * area && side < 2.2 * Math.min(tall, wide);
  return filled && area > 0.08 * height * width && Math.max(height, width) > 40 && margin > 0;
}

function cutOut(picture, box, factor, margin) {
  const [top, bottom, left, right] = box.map((side) => side * factor);
  const more = margin * Math.max(bottom - top, right - left);
  const [{ height, width }] = picture, start = (side) => Math.max(0, Math.trunc(side - more));
  const end = (side, length) => Math.min(length, Math.trunc(side + more) + 1);
  return picture.map((a) =>
    cut(a, start(top), end(bottom, height), start(left), end(right, width)),
  );
}

// -- as MNIST made them (strokes.py) --------------------------------------------------------------

function preparation(pixels, { box: [top, bottom, left, right], parts }, own) {
  const coverage = mean(cut(own, top, bottom, left, right).data),
    aspect = (right - left) / (bottom - top);
  const blot = coverage > MOST_COVERED && aspect > NARROW;
  return {
    pixels: Uint8Array.from(pixels.data, (value) => round(255 * clip(value, 0, 1))),
    doubtful: parts > 1 || blot || aspect > WIDEST,
  };
}

function centre(a) {
  let mass = 0, down = 0, across = 0;
  a.data.forEach((value, i) => {
    mass += value;
    down += value * (Math.floor(i / a.width) + 0.5);
    across += value * ((i % a.width) + 0.5);
  });
  return [down / mass, across / mass];
}

const extent = ({ data, height, width }, above) =>
  boxAround(count(data.length).filter((i) => data[i] > above), height, width);

function asMnistMade(found) {
  const peak = largest(found.ink.data), ink = map(found.ink, (value) => value / peak);
  if (ink.height !== 28 || ink.width !== 28) return null;
  const [top, bottom, left, right] = extent(ink, 0.5 / 255), [y, x] = centre(ink);
  const centred = Math.max(Math.abs(y - CENTRE), Math.abs(x - CENTRE)) <= 0.75;
  return centred && Math.max(bottom - top, right - left) === 20
    ? preparation(ink, found, ink)
    : null;
}

// Mean width of strokes in pixels: twice their area over the length of their outline.
function strokeWidth(a) {
  let outline = 0;
  for (let y = -1; y < a.height; y++) {
    for (let x = -1; x < a.width; x++) {
      const here = at(a, y, x);
      outline += Math.hypot(at(a, y + 1, x) - here, at(a, y, x + 1) - here);
    }
  }
  return (2 * sum(a.data)) / outline;
}

function thicken(a, radius) {
  const k = Math.ceil(radius), out = map(a, (value) => value);
  for (let i = -k; i <= k; i++) {
    for (let j = -k; j <= k; j++) {
      const weight = clip(radius + 0.5 - Math.hypot(i, j), 0, 1);
      if (!weight) continue;
      out.data.forEach((value, p) => {
        out.data[p] = Math.max(
          value,
          weight * at(a, Math.floor(p / a.width) + i, (p % a.width) + j),
        );
      });
    }
  }
  return out;
}

function evenStrokes(a) {
  const unit = CANVAS / 20;
  for (let turn = 0; turn < 2; turn++) {
    const radius = (STROKE * unit - strokeWidth(a)) / 2;
    if (radius > 0.2) {
      a = thicken(a, radius);
    } else if (radius < -0.2) {
      const thicker = thicken(map(a, (value) => 1 - value), Math.min(-radius, 1.2 * unit));
      const thinner = map(thicker, (value) => 1 - value);
      a = largest(thinner.data) > 0.5 ? thinner : a;
    }
  }
  return a;
}

function grown(mask, rounds) {
  for (let turn = 0; turn < rounds; turn++) {
    const old = mask;
    mask = plane(old.height, old.width, (y, x) =>
      Math.max(
        at(old, y, x),
        at(old, y - 1, x),
        at(old, y + 1, x),
        at(old, y, x - 1),
        at(old, y, x + 1),
      ),
    );
  }
  return mask;
}

function softInk({ ink, own }) {
  const full = quantile(ink.data.filter((_, i) => own.data[i]), 0.75);
  const near = grown(own, Math.max(1, round(0.015 * Math.max(ink.height, ink.width))));
  return map(ink, (value, i) => clip((value / full - 0.15) / 0.7, 0, 1) * near.data[i]);
}

function compose(found) {
  const ink = softInk(found), [top, bottom, left, right] = extent(ink, 0.3);
  const crop = cut(ink, top - 1, bottom + 1, left - 1, right + 1);
  const scale = CANVAS / Math.max(bottom - top, right - left);
  let large = resize(
    crop,
    Math.max(2, round(crop.height * scale)),
    Math.max(2, round(crop.width * scale)),
  );
  const edge = CANVAS / 4;
  large = evenStrokes(cut(large, -edge, large.height + edge, -edge, large.width + edge));
  const [first, last, west, east] = extent(large, 0.5),
    pixel = Math.max(last - first, east - west) / 20;
  const [y, x] = centre(large);
  const around = (length, middle) =>
    overlap(length, 28, middle - CENTRE * pixel, middle + (28 - CENTRE) * pixel);
  const small = resample(large, around(large.height, y), around(large.width, x)),
    peak = largest(small.data);
  return preparation(
    map(small, (value) => value / peak),
    found,
    ink,
  );
}
