// Which ink of a picture is printed, frames and ruled lines, and how high the rest is
// (preprocess/printed.py).

const printed = (() => {
  const THIN = 0.12, BROKEN = 0.25, LONG = 1.2, LINES = 3, SAME = 0.12, FINE = 0.6, OVER = 0.15;
  const FLAT = 0.25, LEAST_HEIGHT = 5, LEAST_MASS = 0.06;

  // Take frames and ruled lines out of the ink.
  function withoutPrint(ink, labelsBefore, before) {
    const [labels, all] = withoutBrokenRules(ink, labelsBefore, before);
    const { height, width } = labels;
    const suspects = all.filter((part) => mayBePrint(part, all, height, width));
    if (!suspects.length) return [labels, all];
    let changed = false;
    const mask = maskOf(labels, (number) => number);
    // Neither a piece of a line nor a speck tells how high digits are.
    const others = all.filter((part) => !suspects.includes(part) && !isFlat(part));
    const digit = usualHeight(others.filter((part) => part.height >= LEAST_HEIGHT));
    for (const part of suspects) {
      const [top, , left] = part.box, own = parts.only(labels, part.number, part.box);
      let inside = lines.withoutFrame(own);
      if (!inside) {
        const across = digit ? 1.8 * digit : 0.85 * width;
        let upright = digit ? 1.8 * digit : 0.85 * height;
        if (!digit && part.width < 0.5 * width) upright = Infinity;
        inside = lines.withoutLines(own, Math.max(across, 20), Math.max(upright, 20));
      }
      own.data.forEach((set, i) => {
        if (!set || inside.data[i]) return;
        changed = true;
        mask.data[(top + Math.floor(i / own.width)) * width + left + (i % own.width)] = 0;
      });
    }
    return changed ? parts.findParts(ink, mask) : [labels, all];
  }

  // Take broken ruled lines out of the ink: flat pieces, specks, and what joins digits.
  function withoutBrokenRules(ink, labels, all) {
    const digits = new Set(all.filter((part) => !isFlat(part)).map((part) => part.number));
    const mask = maskOf(labels, (number) => number);
    const pieces = maskOf(labels, (number) => number && !digits.has(number));
    const left = lines.withoutRules(mask, pieces);
    return sum(left.data) === sum(mask.data) ? [labels, all] : parts.findParts(ink, left);
  }

  // Where labels are what is asked for.
  function maskOf({ height, width, data }, isSet) {
    const mask = bytes(height, width);
    data.forEach((number, i) => {
      mask.data[i] = isSet(number) ? 1 : 0;
    });
    return mask;
  }

  // Leave out the upright lines of a form whose frame is broken.
  function withoutDividers(all) {
    const [thin, others] = thinAndOthers(all);
    if (!others.length) return all;
    const long = LONG * median(others.map((part) => part.height));
    const isFull = (part) => part.width <= THIN * part.height && part.height >= long;
    const full = thin.filter(isFull);
    if (full.length < 2) return all;
    const upright = thin.filter((part) => isBeside(part, full));
    const rest = all.filter((part) => !upright.includes(part));
    // Something stands in each cell: these are no digits 1.
    const middle = (part) => (part.box[2] + part.box[3]) / 2;
    const edges = upright.map(middle).sort((a, b) => a - b), inside = rest.map(middle);
    const isFilled = (edge, i) =>
      !i || edge - edges[i - 1] <= SAME * long || inside.some((x) => edges[i - 1] < x && x < edge);
    return upright.length >= LINES && edges.every(isFilled) ? rest : all;
  }

  // Leave out straight upright lines that are far thinner than the strokes of digits.
  function withoutFine(all, labels) {
    const [thin, others] = thinAndOthers(all);
    if (!others.length || !thin.length) return all;
    const numbers = new Set(others.map((part) => part.number));
    const finest = FINE * parts.strokeOf(maskOf(labels, (number) => numbers.has(number)));
    const fine = thin.filter((part) => isFine(part, finest));
    if (!fine.some((part) => overhangs(part, others))) return all;
    return all.filter((part) => !fine.includes(part));
  }

  // What may be an upright line, and what else counts for the height of digits.
  function thinAndOthers(all) {
    const thin = all.filter((part) => part.width <= BROKEN * part.height);
    return [thin, counting(all).filter((part) => !thin.includes(part))];
  }

  function overhangs(part, others) {
    const middle = ({ box }) => (box[2] + box[3]) / 2;
    const away = (other) => Math.abs(middle(other) - middle(part));
    const near = others.reduce((best, other) => (away(other) < away(best) ? other : best));
    const over = Math.max(near.box[0] - part.box[0], part.box[1] - near.box[1]);
    return over > OVER * near.height;
  }

  function isFine(part, finest) {
    const thickness = part.pixels.length / part.height;
    return thickness <= finest && part.width <= 1.5 * thickness + 1;
  }

  // Whether a part starts or ends at the height of the nearest line.
  function isBeside(part, full) {
    const away = (line) => Math.abs(line.box[2] - part.box[2]);
    const line = full.reduce((best, other) => (away(other) < away(best) ? other : best));
    const off = (side) => Math.abs(line.box[side] - part.box[side]);
    return Math.min(off(0), off(1)) <= SAME * line.height;
  }

  // Whether a part is long, or hollow with others in it.
  function mayBePrint(part, all, height, width) {
    if (part.pixels.length > 0.6 * part.height * part.width) return false;
    if (part.width > 0.5 * width || part.height > 0.5 * height) return true;
    return all.some((other) => other.mass > 0.02 * part.mass && isInside(other.box, part.box));
  }

  const isFlat = (part) => part.height <= FLAT * part.width;

  const isInside = (box, other) =>
    box[0] > other[0] && box[1] < other[1] && box[2] > other[2] && box[3] < other[3];

  // The parts that count for the height of digits.
  function counting(some) {
    const most = largest(some.map((part) => part.mass));
    return some.filter((part) => part.mass >= LEAST_MASS * most);
  }

  // The height of most ink: the median by mass; 0 without parts.
  function usualHeight(some) {
    if (!some.length) return 0;
    const counted = counting(some);
    counted.sort((a, b) => a.height - b.height || a.mass - b.mass);
    let half = sum(counted.map((part) => part.mass)) / 2;
    for (const { height, mass } of counted) {
      half -= mass;
      if (half <= 0) return height;
    }
    return counted.at(-1).height;
  }

  return { withoutPrint, withoutDividers, withoutFine, usualHeight };
})();
