// Any picture of one digit -> the 28x28 pixels that MNIST's makers would have made of it.
//
// This is mnist_edge/runtime/preprocess, function by function and under the same names; the reasons
// stand there. A plane is {height, width, data}, data a typed array row by row. A picture is one
// plane of bytes, if it is grey, or three: red, green, blue.

class PictureError extends Error {}

const DETAIL = 1024, BLOCKS = 1.6;
const VIEW = 160, FAINT = 0.03, SMALL = 64, CROP = 96, NEAR = 40, CLEAR = 72;
const TWO = 0.8, CERTAIN = 0.9, BAND = 0.9, BAND_WIDTH = 0.35, BAND_DEPTH = 0.1, EDGE = 2;
const SIGMA = 1.4826, RING = 0.08, EVEN = 0.01, PLAIN = 0.85, SAMPLES = 48, ROUND = 12.3;
const ROUNDS = [[3, false], [6, false], [6, true], [6, true]];
const LONGER = 20, UNIT = 4, CANVAS = UNIT * LONGER, ROOM = 8, CENTRE = 14.5, OFF_CENTRE = 0.75;
const STROKE = 2.85, LEAST = 0.2, MOST_THINNER = 1.2 * UNIT, HOLE = 1.5 * UNIT * UNIT;
const MOST_COVERED = 0.75, NARROW = 0.4, BLOT = 8, WIDEST = 1.6;

// What was made of a picture: pixels (784 bytes, white on black), and whether they look like one
// digit at all.
function examine(imageData) {
  const found = locate(decode(imageData));
  return asMnistMade(found) ?? compose(found);
}

// -- planes and numbers (numeric.py) --------------------------------------------------------------

const bytes = (height, width) => ({ height, width, data: new Uint8Array(height * width) });
const floats = (height, width) => ({ height, width, data: new Float32Array(height * width) });

// A loop of its own takes a tenth of the time of a typed array's map.
function map({ height, width, data }, change) {
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = change(data[i], i);
  return { height, width, data: out };
}

// The part of a plane from top to bottom and left to right, both exclusive, with zeros outside.
function cut(a, top, bottom, left, right, make = bytes) {
  const out = make(bottom - top, right - left);
  const first = Math.max(0, left), last = Math.min(a.width, right);
  for (let y = Math.max(0, top); y < Math.min(a.height, bottom); y++) {
    const row = a.data.subarray(y * a.width + first, y * a.width + last);
    out.data.set(row, (y - top) * out.width + first - left);
  }
  return out;
}

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

function sum(values) {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
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
  const ordered = Float32Array.from(values).sort(),
    place = share * (ordered.length - 1),
    below = Math.floor(place);
  const above = Math.min(below + 1, ordered.length - 1);
  return ordered[below] + (place - below) * (ordered[above] - ordered[below]);
}

const median = (values) => quantile(values, 0.5);

function someOf(values) {
  const step = 1 + Math.floor(values.length / 1024), some = [];
  for (let i = 0; i < values.length; i += step) some.push(values[i]);
  return some;
}

function deviation(values) {
  const middle = median(values);
  return SIGMA * median(Array.from(values, (value) => Math.abs(value - middle)));
}

// Means over equal intervals between start and stop: for each, its first pixel and the weights.
function overlap(length, intervals, start, stop) {
  const step = (stop - start) / intervals, found = [];
  for (let i = 0; i < intervals; i++) {
    const low = start + i * step, high = low + step, weights = [];
    const first = Math.max(0, Math.floor(low)), end = Math.min(length, Math.ceil(high));
    for (let p = first; p < end; p++)
      weights.push(Math.max(0, Math.min(high, p + 1) - Math.max(low, p)) / step);
    found.push({ first, weights });
  }
  return found;
}

// Pillow's bilinear filter from start to stop: it interpolates to enlarge, and takes weighted means
// to shrink.
function bilinear(length, count, start, stop) {
  const scale = (stop - start) / count, reach = Math.max(1, scale), found = [];
  for (let i = 0; i < count; i++) {
    const middle = start + (i + 0.5) * scale, weights = [];
    const first = Math.max(0, Math.trunc(middle - reach + 0.5));
    const end = Math.min(length, Math.trunc(middle + reach + 0.5));
    for (let p = first; p < end; p++)
      weights.push(Math.max(0, 1 - Math.abs((p + 0.5 - middle) / reach)));
    const total = sum(weights);
    found.push({ first, weights: weights.map((weight) => weight / total) });
  }
  return found;
}

// The rows of a plane, each as weighted means; `make` says of which type they become, bytes are
// rounded.
function across(a, intervals, make) {
  const out = make(a.height, intervals.length), half = make === bytes ? 0.5 : 0;
  for (let y = 0, to = 0; y < a.height; y++) {
    const row = y * a.width;
    for (let x = 0; x < intervals.length; x++, to++) {
      const { first, weights } = intervals[x];
      let total = half;
      for (let k = 0; k < weights.length; k++) total += weights[k] * a.data[row + first + k];
      out.data[to] = total;
    }
  }
  return out;
}

function down(a, intervals, make) {
  const out = make(intervals.length, a.width), half = make === bytes ? 0.5 : 0;
  for (let y = 0, to = 0; y < intervals.length; y++) {
    const { first, weights } = intervals[y];
    for (let x = 0; x < a.width; x++, to++) {
      let total = half;
      for (let k = 0, from = first * a.width + x; k < weights.length; k++, from += a.width)
        total += weights[k] * a.data[from];
      out.data[to] = total;
    }
  }
  return out;
}

function levels(a) {
  const out = bytes(a.height, a.width);
  for (let i = 0; i < a.data.length; i++) out.data[i] = round(clip(a.data[i], 0, 255));
  return out;
}

// -- a picture on paper, and its parts (pixels.py, raster.py) -------------------------------------

function decode({ data, width, height }) {
  const channels = [];
  let opaque = true;
  for (let i = 3; i < data.length && opaque; i += 4) opaque = data[i] === 255;
  for (let c = 0; c < (opaque ? 3 : 4); c++) {
    const layer = bytes(height, width);
    for (let i = 0, from = c; i < layer.data.length; i++, from += 4) {
      const value = data[from];
      layer.data[i] = opaque || c === 3 ? value : Math.floor((value * data[i * 4 + 3]) / 255 + 0.5);
    }
    channels.push(layer);
  }
  const block = Math.ceil(Math.max(height, width) / DETAIL), area = [0, 0, width, height];
  const layers = block === 1 ? channels : channels.map((layer) => reduce(layer, block, area));
  return greyIfItIs(opaque ? layers : flatten(layers));
}

// Means over blocks, rounded as Pillow does; those at the right and the bottom may be smaller.
function reduce(a, block, [left, top, right, bottom]) {
  const out = bytes(Math.ceil((bottom - top) / block), Math.ceil((right - left) / block));
  for (let y = 0, to = 0; y < out.height; y++) {
    const first = top + y * block, last = Math.min(bottom, first + block);
    for (let x = 0; x < out.width; x++, to++) {
      const start = left + x * block, end = Math.min(right, start + block);
      let total = 0;
      for (let row = first; row < last; row++)
        for (let i = row * a.width + start; i < row * a.width + end; i++) total += a.data[i];
      const count = (last - first) * (end - start);
      out.data[to] = ((total + (count >> 1)) * Math.floor(2 ** 24 / count)) / 2 ** 24;
    }
  }
  return out;
}

function flatten([red, green, blue, opacity]) {
  const colours = [red, green, blue], alpha = opacity.data;
  const light = sum(colours.map(({ data }) => sum(data))) > 1.5 * sum(alpha);
  let paper = light ? [0, 0, 0] : [255, 255, 255];
  const solid = [];
  for (let i = 0; i < alpha.length; i++) if (alpha[i] > 127.5) solid.push(i);
  if (solid.length > alpha.length / 2) {
    const own = colours.map(({ data }) => solid.map((i) => (data[i] / alpha[i]) * 255));
    let [least, most] = [Infinity, -Infinity];
    for (let k = 0; k < solid.length; k++) {
      const brightness = (own[0][k] + own[1][k] + own[2][k]) / 3;
      least = Math.min(least, brightness);
      most = Math.max(most, brightness);
    }
    if (most - least > 0.2 * 255) paper = own.map(median);
  }
  return colours.map((a, c) =>
    levels(map(a, (value, i) => value + paper[c] * (1 - alpha[i] / 255))));
}

function greyIfItIs(planes) {
  const [red, green, blue] = planes.map(({ data }) => data);
  for (let i = 0; planes.length > 1 && i < red.length; i++)
    if (red[i] !== green[i] || red[i] !== blue[i]) return planes;
  return [planes[0]];
}

// A part of a picture, in shares of its height and width, with about `side` pixels a side.
function view(picture, part, side) {
  const [{ height, width }] = picture;
  const top = Math.min(Math.trunc(part.top * height), height - 1);
  const left = Math.min(Math.trunc(part.left * width), width - 1);
  const bottom = Math.max(Math.ceil(part.bottom * height), top + 1);
  const right = Math.max(Math.ceil(part.right * width), left + 1);
  const ratio = Math.max(bottom - top, right - left) / side;
  let planes;
  if (ratio <= 1) {
    planes = picture.map((a) => cut(a, top, bottom, left, right));
  } else if (ratio < BLOCKS) {
    const rows = Math.max(1, round((bottom - top) / ratio));
    const columns = Math.max(1, round((right - left) / ratio));
    const wide = bilinear(width, columns, left, right), tall = bilinear(height, rows, top, bottom);
    planes = picture.map((a) => down(across(a, wide, bytes), tall, bytes));
  } else {
    const area = [left, top, right, bottom];
    planes = picture.map((a) => reduce(a, Math.ceil(ratio - 0.25), area));
  }
  return greyIfItIs(planes);
}

// -- the paper (paper.py) -------------------------------------------------------------------------

// Some pixels of a view: their places, the quadratic's terms there, and which are in the ring along
// the view's edges.
function sampleOf(height, width) {
  const step = Math.ceil(Math.max(height, width) / SAMPLES);
  const first = Math.min(step >> 1, height - 1, width - 1);
  const from = (i, length) => (length > 1 ? -1 + (2 * i) / (length - 1) : -1);
  const rows = Math.ceil((height - first) / step), columns = Math.ceil((width - first) / step);
  const k = Math.max(1, round(RING * Math.min(rows, columns)));
  const places = [], ring = [], terms = [[], [], [], [], [], []];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if (i < k || i >= rows - k || j < k || j >= columns - k) ring.push(places.length);
      const row = first + i * step, column = first + j * step;
      const y = from(row, height), x = from(column, width);
      places.push(row * width + column);
      [1, x, y, x * x, x * y, y * y].forEach((term, t) => terms[t].push(term));
    }
  }
  return { places, ring, terms: terms.map((term) => Float64Array.from(term)) };
}

const ringOf = ({ places, ring }, data) => ring.map((number) => data[places[number]]);

function fitPaper(planes, sample) {
  const { places, ring, terms } = sample;
  const pixels = planes.map(({ data }) => Float64Array.from(places, (place) => data[place] / 255));
  const middle = pixels.map((channel) => median(ring.map((number) => channel[number])));
  const even = ring.filter((number) =>
    pixels.every((channel, c) => Math.abs(channel[number] - middle[c]) <= EVEN));
  let factors = [middle]; // a row a term
  for (let t = 1; t < 6; t++) factors.push(middle.map(() => 0));
  if (even.length < PLAIN * ring.length) factors = fitted(pixels, sample, factors);
  let axis = [Math.sqrt(3)];
  if (planes.length > 1) {
    const off = pixels.map((channel, c) =>
      channel.map((value, i) => value - valueAt(factors, terms, c, i)));
    axis = direction(off);
  }
  return { axis, factors: factors.map((row) => sum(row.map((value, c) => value * axis[c]))) };
}

function valueAt(factors, terms, c, i) {
  let total = 0;
  for (let t = 0; t < factors.length; t++) total += factors[t][c] * terms[t][i];
  return total;
}

function fitted(pixels, { places, ring, terms }, factors) {
  const all = places.map((_, number) => number);
  for (const [size, everywhere] of ROUNDS) {
    const off = new Float64Array(places.length);
    const looked = everywhere ? all : ring;
    for (const i of looked) {
      for (let c = 0; c < pixels.length; c++)
        off[i] = Math.max(off[i], Math.abs(pixels[c][i] - valueAt(factors, terms, c, i)));
    }
    const limit = 3 * SIGMA * median(ring.map((i) => off[i])) + EVEN;
    const near = looked.filter((i) => off[i] <= limit);
    factors = leastSquares(terms.slice(0, size), pixels, near);
    while (factors.length < 6) factors.push(pixels.map(() => 0));
  }
  return factors;
}

// The factors of each term for each colour, by the normal equations and elimination; the slight
// penalty keeps the quadratic flat where few pixels hold it.
function leastSquares(terms, pixels, chosen) {
  const size = terms.length, columns = [...terms, ...pixels];
  const rows = terms.map((term) => columns.map((column) => {
    let total = 0;
    for (const i of chosen) total += term[i] * column[i];
    return total;
  }));
  for (let i = 1; i < size; i++) rows[i][i] += 1e-4 * chosen.length;
  for (let i = 0; i < size; i++) {
    for (let other = 0; other < size; other++) {
      const share = rows[other][i] / rows[i][i];
      if (other !== i) rows[other] = rows[other].map((value, j) => value - share * rows[i][j]);
    }
  }
  return rows.map((row, i) => row.slice(size).map((value) => value / row[i]));
}

// The colour along which pixels leave the paper with most energy.
function direction(off) {
  let energy = off.map((a) => off.map((b) => {
    let total = 0;
    for (let i = 0; i < a.length; i++) total += a[i] * b[i];
    return total;
  }));
  for (let turn = 0; turn < 6; turn++) {
    const scale = 1 / (energy[0][0] + energy[1][1] + energy[2][2] + 1e-30);
    const scaled = energy.map((row) => row.map((value) => value * scale));
    energy = scaled.map((row) =>
      scaled.map((other) => sum(row.map((value, c) => value * other[c]))));
  }
  const sizes = energy.map((row) => sum(row.map(Math.abs)));
  const axis = energy[sizes.indexOf(largest(sizes))].map((value) => value + 1e-12);
  return axis.map((value) => value / Math.hypot(...axis));
}

// The paper along its axis, in a view of a size.
function everywhere([one, x1, y1, xx, xy, yy], height, width) {
  const out = floats(height, width);
  const from = (i, length) => (length > 1 ? -1 + (2 * i) / (length - 1) : -1);
  for (let i = 0, to = 0; i < height; i++) {
    const y = from(i, height), row = one + y1 * y + yy * y * y, slope = x1 + xy * y;
    for (let j = 0; j < width; j++, to++) {
      const x = from(j, width);
      out.data[to] = row + slope * x + xx * x * x;
    }
  }
  return out;
}

// -- where the digit is (ink.py, shadows.py) ------------------------------------------------------

function locate(picture) {
  let seen = { top: 0, bottom: 1, left: 0, right: 1 };
  let found = find(view(picture, seen, VIEW), CROP);
  for (let turn = 0; turn < 2; turn++) {
    const longest = Math.max(found.ink.height, found.ink.width),
      [top, bottom, left, right] = found.box;
    const size = Math.max(bottom - top, right - left);
    if (!found.sheet && (size >= Math.min(0.55 * longest, CLEAR) || longest <= NEAR)) break;
    const closer = closerOf(seen, found, found.sheet ? -0.04 : 0.3);
    let again;
    try {
      again = find(view(picture, closer, VIEW), NEAR);
    } catch (error) {
      if (error instanceof PictureError) break;
      throw error;
    }
    found = found.sheet ? again : { ...again, parts: Math.max(found.parts, again.parts) };
    seen = closer;
  }
  return found;
}

function closerOf(seen, { ink, box: [top, bottom, left, right] }, margin) {
  const more = margin * Math.max(bottom - top, right - left);
  const down = (seen.bottom - seen.top) / ink.height, across = (seen.right - seen.left) / ink.width;
  return {
    top: Math.max(seen.top, seen.top + (top - more) * down),
    bottom: Math.min(seen.bottom, seen.top + (bottom + more) * down),
    left: Math.max(seen.left, seen.left + (left - more) * across),
    right: Math.min(seen.right, seen.left + (right + more) * across),
  };
}

function find(planes, crop) {
  const [{ height, width }] = planes, sample = sampleOf(height, width);
  let { axis, factors } = fitPaper(planes, sample);
  let signed = smooth(leaving(planes, axis, everywhere(factors, height, width))), energy = 0;
  for (const value of signed.data) energy += value * Math.abs(value);
  if (energy < 0) {
    signed = map(signed, (value) => -value);
    factors = factors.map((value) => -value);
  }
  let ring = ringOf(sample, signed.data);
  let found = pick(map(signed, (value) => Math.max(value, 0)), deviation(ring));
  const uneven = isUneven(signed, ring);
  if (uneven && Math.max(height, width) < crop) {
    found = pickOfTwo(signed, sample, found ? CERTAIN : TWO) ?? found;
  } else if (uneven && !found?.sheet) {
    const ink = besideShadows(signed, everywhere(factors, height, width));
    ring = ringOf(sample, ink.data);
    const level = median(ring);
    found = pick(map(ink, (value) => Math.max(value - level, 0)), deviation(ring), 0.4);
  }
  if (found) return found;
  throw new PictureError("This picture is blank, or the ink hardly differs from the paper.");
}

function leaving(planes, axis, paper) {
  const [red, green, blue] = planes.map(({ data }) => data);
  const [r, g, b] = axis.map((share) => share / 255);
  if (planes.length === 1) return map(paper, (value, i) => r * red[i] - value);
  return map(paper, (value, i) => r * red[i] + g * green[i] + b * blue[i] - value);
}

function isUneven({ height, width, data }, ring) {
  if (Math.min(height, width) <= 12) return false;
  let peak = 0;
  for (let i = 0; i < data.length; i++) peak = Math.max(peak, Math.abs(data[i]));
  const strong = ring.filter((value) => Math.abs(value) > 0.15 * peak).length;
  return peak > FAINT && strong / ring.length > 0.1;
}

function smooth(a) {
  const { height, width, data } = a;
  if (Math.max(height, width) <= SMALL) return a;
  const rows = floats(height, width), out = floats(height, width);
  for (let y = 0, i = 0; y < height; y++) {
    const above = y ? -width : 0, below = y < height - 1 ? width : 0;
    for (let x = 0; x < width; x++, i++) rows.data[i] = data[i] + data[i + above] + data[i + below];
  }
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const left = rows.data[x ? i - 1 : i], right = rows.data[x < width - 1 ? i + 1 : i];
      out.data[i] = (rows.data[i] + left + right) / 9;
    }
  }
  return out;
}

function pickOfTwo(signed, sample, least) {
  const { height, width, data } = signed, [threshold, distinct] = otsu(data);
  if (distinct < least) return null;
  const share = (values) => values.filter((value) => value > threshold).length / values.length;
  const corners = [data[0], data[width - 1], data[(height - 1) * width], data[height * width - 1]];
  const votes = share(data) + share(ringOf(sample, data)) + share(corners);
  const side = data.filter((value) => value > threshold === votes > 1.5), level = median(side);
  const sign = votes > 1.5 ? -1 : 1;
  return pick(map(signed, (value) => Math.max(sign * (value - level), 0)), deviation(side));
}

function otsu(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const width = (high - low) / 64, count = new Float64Array(64);
  for (const value of values) count[Math.min(Math.trunc((value - low) / width), 63)] += 1;
  let mean = 0, squares = 0;
  count.forEach((amount, bin) => {
    mean += (amount * bin) / values.length;
    squares += (amount * bin * bin) / values.length;
  });
  let share = 0, total = 0, most = -1, place = 0;
  for (let bin = 0; bin < 63; bin++) {
    share += count[bin] / values.length;
    total += (count[bin] * bin) / values.length;
    const between = (mean * share - total) ** 2 / Math.max(share * (1 - share), 1e-9);
    if (between > most) [most, place] = [between, bin];
  }
  return [low + width * (place + 1), most / Math.max(squares - mean * mean, 1e-9)];
}

function besideShadows(signed, paper) {
  const size = round(Math.min(signed.height, 2 * signed.width) / 4);
  const colour = map(signed, (value, i) => value + paper.data[i]);
  const [ours, theirs] = [1, -1].map((sign) => {
    const side = map(colour, (value) => sign * value), wide = opened(side, size);
    const ink = map(side, (value, i) => value - wide.data[i]);
    let energy = 0;
    for (let i = 0; i < ink.data.length; i++)
      energy += Math.min(ink.data[i], Math.max(sign * signed.data[i], 0)) ** 2;
    return { energy, ink, here: map(wide, (value) => -value) };
  });
  const { ink, here } = theirs.energy > ours.energy ? theirs : ours;
  const typical = median(someOf(here.data));
  if (typical <= 0.2) return ink;
  return map(ink, (value, i) => value * clip(typical / Math.max(here.data[i], 1e-6), 1 / 3, 3));
}

function opened(a, size) {
  return extreme(extreme(a, size | 1, 1), size | 1, -1);
}

// The minimum (sign 1) or maximum (sign -1) over windows of k x k pixels, k odd.
function extreme(a, k, sign) {
  for (let turn = 0; turn < 2; turn++) {
    const { height, width } = a, out = floats(width, height), half = k >> 1;
    const line = new Float32Array(height + k - 1);
    for (let x = 0; x < width; x++) {
      line.fill(Infinity);
      for (let y = 0; y < height; y++) line[half + y] = sign * a.data[y * width + x];
      // Over 1, 2, 4, ... pixels, and then over k by two that overlap.
      let size = 1;
      for (; 2 * size <= k; size *= 2)
        for (let i = 0; i + size < line.length; i++) line[i] = Math.min(line[i], line[i + size]);
      for (let y = 0; y < height; y++)
        out.data[x * height + y] = sign * Math.min(line[y], line[y + k - size]);
    }
    a = out;
  }
  return a;
}

// What stands out most; 0 if that is noise.
function peakOf(ink, noise) {
  const peak = largest(ink.data);
  return peak >= Math.max(FAINT, 4 * noise) ? peak : 0;
}

// What most of the ink has, 0 if it is noise; a thin line's crossings reach further.
function usualLevel(ink, noise) {
  const peak = peakOf(ink, noise);
  if (!peak) return 0;
  const some = Math.max(0.1 * peak, 4 * noise);
  let squares = 0, total = 0;
  for (const value of ink.data) {
    if (value <= some) continue;
    squares += value * value;
    total += value;
  }
  return squares / total;
}

function pick(ink, noise, share = 0.35) {
  const { height, width } = ink, level = usualLevel(ink, noise);
  if (!level) return null;
  const least = Math.max(share * level, 3 * noise);
  const isSmall = Math.max(height, width) <= SMALL;
  const weak = isSmall ? Math.max(0.25 * level, 2 * noise) : least;
  const parts = partsOf(ink, weak).filter((part) => part.peak > least);
  if (!parts.length) return null;
  const bands = parts.filter((part) => isBand(part, height, width));
  if (bands.length) {
    const inside = pick(without(ink, bands), noise, share);
    if (inside && !atBorder(inside.box, height, width)) return inside;
  }
  const [main, rest] = choose(parts, Math.min(height, width));
  const kept = joined(main, rest.filter((part) => part.mass >= 0.06 * main.mass));
  const own = bytes(height, width);
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
    pieces: kept.length,
    parts: rest.filter((part) => part.mass >= 0.25 * main.mass && part.height >= 0.5 * main.height)
      .length,
    sheet: isSheet(main, height, width),
  };
}

// -- the parts of the ink (parts.py) --------------------------------------------------------------

const atBorder = (box, height, width) =>
  box[0] === 0 || box[2] === 0 || box[1] === height || box[3] === width;

// Whether a part lies along an edge of the picture from end to end, as a table does.
function isBand(part, height, width) {
  const [top, bottom, left, right] = part.box;
  const lies = (top === 0 || bottom === height) && part.width > BAND * width;
  const stands = (left === 0 || right === width) && part.height > BAND * height;
  const isNarrow = lies ? part.height < BAND_WIDTH * height : part.width < BAND_WIDTH * width;
  const fills = isNarrow && part.pixels.length > 0.5 * part.height * part.width;
  return (lies || stands) && (fills || (part.depth > 0 && part.depth < BAND_DEPTH));
}

// Ink without some of its parts, and the blurred edge around them.
function without(ink, some) {
  const mask = bytes(ink.height, ink.width);
  for (const part of some) for (const i of part.pixels) mask.data[i] = 1;
  const edge = grown(mask, EDGE);
  return map(ink, (value, i) => (edge.data[i] ? 0 : value));
}

// The connected pieces of what is set, each as the places of its pixels, in the order of their
// first; reach 1 if pixels that touch by a corner are connected, else 0.
function piecesOf(mask, height, width, reach = 1) {
  const left = mask.slice(), pieces = [];
  for (let start = 0; start < left.length; start++) {
    if (!left[start]) continue;
    const pixels = [start];
    left[start] = 0;
    for (let next = 0; next < pixels.length; next++) {
      const y = Math.floor(pixels[next] / width), x = pixels[next] % width;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const i = ny * width + nx;
          if (!left[i] || (!reach && ny !== y && nx !== x)) continue;
          left[i] = 0;
          pixels.push(i);
        }
      }
    }
    pieces.push(pixels);
  }
  return pieces;
}

// The parts of the ink above a level, from the one with most ink down to a hundredth of it.
function partsOf({ height, width, data }, level) {
  const mask = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) mask[i] = data[i] > level ? 1 : 0;
  const pieces = piecesOf(mask, height, width);
  const parts = pieces.map((pixels) => describe(pixels, data, height, width));
  return withoutSpecks(parts);
}

// Parts from the one with most ink down to a hundredth of it.
function withoutSpecks(parts) {
  const most = largest(parts.map((part) => part.mass));
  const kept = parts.filter((part) => part.mass >= 0.01 * most).sort((a, b) => b.mass - a.mass);
  if (kept.length === 1) Object.assign(kept[0], { depth: 0, rim: 0 });
  return kept;
}

function describe(pixels, ink, height, width) {
  let top = height, bottom = 0, left = width, right = 0;
  for (const i of pixels) {
    const y = Math.floor(i / width), x = i % width;
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
  }
  let mass = 0, peak = 0, depth = 0, rim = 0;
  for (const i of pixels) {
    const y = Math.floor(i / width), x = i % width;
    mass += ink[i];
    peak = Math.max(peak, ink[i]);
    depth += ink[i] * Math.min(y, height - 1 - y, x, width - 1 - x);
    rim += ink[i] * Math.min(y - top, bottom - 1 - y, x - left, right - 1 - x);
  }
  const tall = bottom - top, wide = right - left, box = [top, bottom, left, right];
  depth /= mass * Math.min(height, width);
  rim /= mass * Math.min(tall, wide);
  const side = Math.max(tall, wide);
  return { pixels, box, height: tall, width: wide, side, mass, peak, depth, rim };
}

function choose(parts, side) {
  const framing = (part) => part.rim < 0.03 && Math.min(part.height, part.width) >= 0.4 * side;
  const inner = parts.filter((part) => part.depth >= 0.07 && !framing(part));
  const digits = inner.filter((part) => part.side >= 0.15 * side);
  return digits.length ? [digits[0], inner] : [parts[0], parts];
}

function joined(main, parts) {
  const kept = [main];
  let left = parts.filter((part) => part !== main);
  for (let next = 0; next < kept.length; next++) {
    const near = left.filter((part) => gap(part, kept[next]) <= 0.35 * main.side);
    kept.push(...near);
    left = left.filter((part) => !near.includes(part));
  }
  return kept;
}

const gap = ({ box: a }, { box: b }) =>
  Math.max(a[0] - b[1], b[0] - a[1], a[2] - b[3], b[2] - a[3], 0);

// Whether a part is a sheet of paper or a canvas, seen with what lies around it.
function isSheet({ pixels, box, height: tall, width: wide, side }, height, width) {
  const [top, bottom, left, right] = box, area = tall * wide;
  const margin = Math.min(top, left, height - bottom, width - right);
  const compact = side < 2.2 * Math.min(tall, wide);
  const large = area > 0.08 * height * width && Math.max(height, width) > 40;
  if (!(compact && large && margin > 0 && pixels.length >= 0.5 * area)) return false;
  const first = new Array(tall).fill(wide), last = new Array(tall).fill(0), edges = [0, 0, 0, 0];
  for (const i of pixels) {
    const y = Math.floor(i / width) - top, x = (i % width) - left;
    first[y] = Math.min(first[y], x);
    last[y] = Math.max(last[y], x + 1);
    edges[0] += (y === 0) / wide;
    edges[1] += (y === tall - 1) / wide;
    edges[2] += (x === 0) / tall;
    edges[3] += (x === wide - 1) / tall;
  }
  const least = Math.min(...edges) > 0.9 ? 0.5 : 0.72;
  return pixels.length >= least * area && !isRound(first, last);
}

// Whether a shape, given by the first and the last column of each row, is nearer to an ellipse than
// to a rectangle.
function isRound(first, last) {
  let area = 0, down = 0, across = 0;
  first.forEach((start, y) => {
    const length = last[y] - start;
    area += length;
    down += length * (y + 0.5);
    across += (length * (start + last[y])) / 2;
  });
  let yy = 0, xx = 0, xy = 0;
  first.forEach((start, y) => {
    const length = last[y] - start;
    const dy = y + 0.5 - down / area, dx = (start + last[y]) / 2 - across / area;
    yy += length * (dy * dy + 1 / 12);
    xx += length * (dx * dx + (length * length) / 12);
    xy += length * dy * dx;
  });
  return (area * area) / Math.sqrt(xx * yy - xy * xy) > ROUND;
}

// -- the width of strokes (widths.py) -------------------------------------------------------------

// Mean width of strokes in pixels: twice their area over the length of their outline.
function strokeWidth({ height, width, data }) {
  let outline = 0;
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const i = y * width + x, here = y < 0 || x < 0 ? 0 : data[i];
      const below = y + 1 < height && x >= 0 ? data[i + width] : 0;
      const right = x + 1 < width && y >= 0 ? data[i + 1] : 0;
      outline += Math.sqrt((below - here) ** 2 + (right - here) ** 2);
    }
  }
  return (2 * sum(data)) / outline;
}

function evenStrokes(a, pieces) {
  for (const less of [0.5, 0]) {
    const radius = (STROKE * UNIT - strokeWidth(a)) / 2;
    if (Math.abs(radius) <= LEAST) break;
    const change = Math.sign(radius) * Math.max(Math.abs(radius) - less, 0);
    const even = asFarAsHolesStay(a, change, pieces);
    if (!even) break;
    a = even;
  }
  return a;
}

function asFarAsHolesStay(a, radius, pieces) {
  const before = a.data.map((value) => value > 127);
  for (const share of [1, 0.6, 0.3]) {
    const changed = radius > 0 ? thicken(a, share * radius) : thinner(a, share * -radius);
    const after = changed.data.map((value) => value > 127);
    if (after.includes(1) && asManyHoles(before, after, a, pieces)) return changed;
  }
  return null;
}

function thinner(a, radius) {
  const inverse = { ...a, data: a.data.map((value) => 255 - value) };
  const thicker = thicken(inverse, Math.min(radius, MOST_THINNER));
  return { ...a, data: thicker.data.map((value) => 255 - value) };
}

function thicken(a, radius) {
  const { height, width, data } = a, low = Math.trunc(radius), share = radius - low, wide = [data];
  for (let step = 1; step < low + 2; step++) {
    const out = wide[step - 1].slice();
    for (let y = 0; y < height; y++) {
      for (let i = y * width, end = i + width - step; i < end; i++) {
        if (data[i] > out[i + step]) out[i + step] = data[i];
        if (data[i + step] > out[i]) out[i] = data[i + step];
      }
    }
    wide.push(out);
  }
  const small = disk(wide, low, width), large = disk(wide, low + 1, width);
  const out = bytes(height, width);
  for (let i = 0; i < data.length; i++)
    out.data[i] = round(Math.fround(small[i] + share * (large[i] - small[i])));
  return out;
}

function disk(wide, radius, width) {
  const out = wide[radius].slice();
  for (let step = 1; step <= radius; step++) {
    const row = wide[Math.trunc(Math.sqrt(radius * radius - step * step) + 0.5)];
    const shift = step * width;
    for (let i = 0; i + shift < out.length; i++) {
      if (row[i] > out[i + shift]) out[i + shift] = row[i];
      if (row[i + shift] > out[i]) out[i] = row[i + shift];
    }
  }
  return out;
}

function asManyHoles(before, after, { height, width }, pieces) {
  if (pieces === 1 && euler(before, height, width) === euler(after, height, width)) return true;
  const had = holes(before, height, width), has = holes(after, height, width);
  const real = (sizes) => sizes.filter((size) => size >= HOLE).length;
  return !(real(had) > has.length || real(has) > had.length);
}

// How many 4-connected pieces of what is not set there are, less their holes: Euler's number.
function euler(mask, height, width) {
  let total = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i]) continue;
      const right = x + 1 < width && !mask[i + 1], below = y + 1 < height && !mask[i + width];
      total += 1 - right - below + (right && below && !mask[i + width + 1]);
    }
  }
  return total;
}

function holes(mask, height, width) {
  const pieces = piecesOf(mask.map((value) => 1 - value), height, width, 0);
  return pieces.slice(1).map((pixels) => pixels.length);
}

// -- as MNIST made them (strokes.py) --------------------------------------------------------------

function preparation(pixels, { box: [top, bottom, left, right], parts }, own, unit) {
  const coverage = sum(own.data) / own.data.length / 255, aspect = (right - left) / (bottom - top);
  const filled = coverage > MOST_COVERED || strokeWidth(own) / unit > BLOT;
  const doubtful = parts > 1 || (filled && aspect > NARROW) || aspect > WIDEST;
  return { pixels: pixels.data, doubtful };
}

function centre({ height, width, data }) {
  let mass = 0, down = 0, across = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      mass += data[i];
      down += data[i] * (y + 0.5);
      across += data[i] * (x + 0.5);
    }
  }
  return [down / mass, across / mass];
}

function extent({ height, width, data }, above) {
  let top = height, bottom = 0, left = width, right = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (data[i] <= above) continue;
      top = Math.min(top, y);
      bottom = y + 1;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
    }
  }
  return [top, bottom, left, right];
}

function asMnistMade(found) {
  if (found.ink.height !== 28 || found.ink.width !== 28) return null;
  const peak = largest(found.ink.data), ink = map(found.ink, (value) => value / peak);
  const [top, bottom, left, right] = extent(ink, 0.5 / 255), [y, x] = centre(ink);
  const off = Math.max(Math.abs(y - CENTRE), Math.abs(x - CENTRE));
  if (Math.max(bottom - top, right - left) !== LONGER || off > OFF_CENTRE) return null;
  const pixels = levels(map(ink, (value) => 255 * value));
  return preparation(pixels, found, cut(pixels, ...found.box), 1);
}

function compose(found) {
  const [ink, own] = softInk(found), [top, bottom, left, right] = extent(ink, 0.3 * 255);
  const size = Math.max(bottom - top, right - left);
  const crop = cut(ink, top, bottom, left, right);
  const framed = cut(crop, -1, crop.height + 1, -1, crop.width + 1);
  const rows = Math.max(2, round((framed.height * CANVAS) / size));
  const columns = Math.max(2, round((framed.width * CANVAS) / size));
  const large = cut(resized(framed, rows, columns), -ROOM, rows + ROOM, -ROOM, columns + ROOM);
  return preparation(sampled(evenStrokes(large, found.pieces)), found, own, size / LONGER);
}

function resized(a, height, width) {
  if (height < a.height) {
    const tall = down(a, overlap(a.height, height, 0, a.height), floats);
    return levels(across(tall, overlap(a.width, width, 0, a.width), floats));
  }
  const wide = across(a, bilinear(a.width, width, 0, a.width), bytes);
  return down(wide, bilinear(a.height, height, 0, a.height), bytes);
}

function sampled(large) {
  const [top, bottom, left, right] = extent(large, 127.5), [y, x] = centre(large);
  const pixel = Math.max(bottom - top, right - left) / LONGER;
  const around = (length, middle) =>
    overlap(length, 28, middle - CENTRE * pixel, middle + (28 - CENTRE) * pixel);
  const small = across(
    down(large, around(large.height, y), floats), around(large.width, x), floats,
  );
  const peak = largest(small.data);
  return levels(map(small, (value) => (value * 255) / peak));
}

// The digit alone, and its box in that.
function softInk({ ink, own, box: [top, bottom, left, right] }) {
  const rounds = Math.max(1, round(0.015 * Math.max(ink.height, ink.width)));
  const rows = [Math.max(0, top - rounds), Math.min(ink.height, bottom + rounds)];
  const columns = [Math.max(0, left - rounds), Math.min(ink.width, right + rounds)];
  const near = cut(own, ...rows, ...columns), some = cut(ink, ...rows, ...columns, floats);
  const full = quantile(someOf(some.data.filter((_, i) => near.data[i])), 0.75);
  const wide = grown(near, rounds);
  const soft = map(some, (value, i) =>
    255 * clip(value / (0.7 * full) - 0.15 / 0.7, 0, 1) * wide.data[i]);
  const all = levels(soft), first = top - rows[0], start = left - columns[0];
  return [all, cut(all, first, first + bottom - top, start, start + right - left)];
}

function grown(mask, rounds) {
  const { height, width } = mask;
  for (let turn = 0; turn < rounds; turn++) {
    const out = bytes(height, width);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        out.data[i] =
          mask.data[i] ||
          (y > 0 && mask.data[i - width]) ||
          (y < height - 1 && mask.data[i + width]) ||
          (x > 0 && mask.data[i - 1]) ||
          (x < width - 1 && mask.data[i + 1])
            ? 1
            : 0;
      }
    }
    mask = out;
  }
  return mask;
}
