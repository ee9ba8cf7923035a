// Rows of digits in a picture: which ink may be digits, and what stands in one row
// (preprocess/rows.py).

const rows = (() => {
  const FIRST = 480, MOST = 1024, FINE = 36, WANTED = 48, SHADES = 160;
  const MOST_PARTS = 400, MOST_DIGITS = 200, TALL = 0.5;

  // x, y, width and height in the picture's own pixels of a box in the view.
  function inPicture({ ink, seen, size }, box) {
    const down = ((seen.bottom - seen.top) / ink.height) * size[1];
    const across = ((seen.right - seen.left) / ink.width) * size[0];
    return [
      round(seen.left * size[0] + box[2] * across),
      round(seen.top * size[1] + box[0] * down),
      Math.max(1, round(box[3] * across - box[2] * across)),
      Math.max(1, round((box[1] - box[0]) * down)),
    ];
  }

  // Rows of what may be digits in a picture, whose own size is [width, height]; null if nothing
  // stands out from the paper.
  function findRows(picture, size) {
    let seen = { top: 0, bottom: 1, left: 0, right: 1 }, found = look(picture, seen, FIRST);
    for (let turn = 0; turn < 2; turn++) { // a sheet within a picture
      if (!found?.sheet) break;
      seen = closerOf(seen, { ink: found.ink, box: found.sheet }, -0.04);
      const again = look(picture, seen, FIRST);
      if (!again?.rows.length) break;
      found = again;
    }
    if (!found?.rows.length) return null;
    const height = median(found.rows.map((row) => row.height));
    const ratio =
      Math.max(found.ink.height, found.ink.width) /
      Math.max((seen.bottom - seen.top) * size[1], (seen.right - seen.left) * size[0]);
    if (height < FINE && ratio < 0.95 && Math.max(...size) > FIRST) {
      const box = groups.around(found.rows.flatMap((row) => row.parts.map((part) => part.box)));
      const longer = Math.max(box[1] - box[0], box[3] - box[2]);
      const closer = closerOf(seen, { ink: found.ink, box }, (0.8 * height) / longer);
      const side = round(Math.min(MOST, (WANTED / height) * (longer + 1.6 * height)));
      const again = look(picture, closer, side);
      if (again?.rows.length) [found, seen] = [again, closer];
    }
    return { ink: found.ink, labels: found.labels, rows: found.rows, seen, size };
  }

  function look(picture, seen, side) {
    const planes = view(picture, seen, side), [{ height, width }] = planes;
    const found = standOut(planes, Math.max(height, width) >= 2 * SHADES), { ink } = found;
    let [labels, all] = withoutBands(found);
    if (!all.length) return null;
    if (isSheet(all[0], height, width)) return { ink, labels, rows: [], sheet: all[0].box };
    if (all.length <= MOST_PARTS) [labels, all] = printed.withoutPrint(ink, labels, all);
    let own = all.length <= MOST_PARTS ? rowsOf(all, labels) : [];
    if (sum(own.map((row) => row.parts.length)) > MOST_DIGITS) own = [];
    const kept = new Set(own.flatMap((row) => row.parts.map((part) => part.number)));
    const data = labels.data.map((number) => (kept.has(number) ? number : 0));
    return { ink, labels: { height, width, data }, rows: own, sheet: null };
  }

  // -- ink ----------------------------------------------------------------------------------------

  // How far pixels stand out from the paper, the paper's noise, and the share of the ink's usual
  // level from where on a pixel is ink.
  function standOut(planes, smoothed) {
    const [{ height, width }] = planes, sample = sampleOf(height, width);
    let { axis, factors } = fitPaper(planes, sample);
    let signed = leaving(planes, axis, everywhere(factors, height, width)), energy = 0;
    if (smoothed) signed = smooth(signed);
    for (const value of signed.data) energy += value * Math.abs(value);
    if (energy < 0) {
      signed = map(signed, (value) => -value);
      factors = factors.map((value) => -value);
    }
    const ring = ringOf(sample, signed.data);
    if (!isUneven(signed, ring)) {
      const ink = map(signed, (value) => Math.max(value, 0)), noise = deviation(ring);
      if (peakOf(ink, noise)) return { ink, noise, share: 0.35 };
    } else if (Math.max(height, width) < CROP) {
      const { data } = signed, [level, distinct] = otsu(data);
      if (distinct > 0.8) {
        const share = (values) => values.filter((value) => value > level).length / values.length;
        const last = data.length - 1, corners = [data[0], data[width - 1], data[last]];
        corners.push(data[last - width + 1]);
        const isLight = share(data) + share(corners) > 1, sign = isLight ? -1 : 1;
        const base = median(data.filter((value) => value > level === isLight));
        const ink = map(signed, (value) => Math.max(sign * (value - base), 0));
        return { ink, noise: 0, share: 0.35 };
      }
    }
    const ink = besideShadows(signed, everywhere(factors, height, width));
    const around = besideInk(sample, ink.data), level = median(around);
    const above = map(ink, (value) => Math.max(value - level, 0));
    return { ink: above, noise: deviation(around), share: 0.4 };
  }

  // The ring's pixels; all of the sample's where a table lies in the ring.
  function besideInk(sample, data) {
    const ring = ringOf(sample, data), everywhere = sample.places.map((place) => data[place]);
    return deviation(ring) > 2 * deviation(everywhere) ? everywhere : ring;
  }

  // The connected parts of the ink, and their labels.
  function partsIn({ ink, noise, share }) {
    const level = usualLevel(ink, noise), mask = bytes(ink.height, ink.width);
    if (!level) return [mask, []];
    const least = Math.max(share * level, 3 * noise);
    for (let i = 0; i < mask.data.length; i++) mask.data[i] = ink.data[i] > least ? 1 : 0;
    return parts.findParts(ink, mask);
  }

  // The parts of the ink without a table along an edge of the picture.
  function withoutBands(found) {
    const shape = [found.ink.height, found.ink.width], mass = (part) => part.mass;
    let [labels, all] = partsIn(found);
    for (let edge = 0; edge < 4; edge++) {
      const bands = all.filter((part) => isBand(part, ...shape));
      if (!bands.length) break;
      found = { ...found, ink: without(found.ink, bands) };
      const [others, rest] = partsIn(found);
      const border = rest.filter((part) => atBorder(part.box, ...shape));
      if (sum(border.map(mass)) >= 0.5 * sum(rest.map(mass))) break; // in a tight crop: 1s
      [labels, all] = [others, rest];
    }
    return [labels, all];
  }

  // -- rows ---------------------------------------------------------------------------------------

  // The rows of what may be digits, and of what lies between them.
  function rowsOf(all, labels) {
    const shape = [labels.height, labels.width];
    all = printed.withoutFine(printed.withoutDividers(all), labels);
    const usual = printed.usualHeight(all.filter((part) => !isMargin(part, shape)));
    if (usual < 5) return [];
    all = all.filter((part) => !isMargin(part, shape, usual));
    const found = [];
    let small = all.filter((part) => part.height < TALL * usual);
    for (const chain of chains(all.filter((part) => part.height >= TALL * usual))) {
      const height = printed.usualHeight(chain);
      const own = small.filter((part) => belongs(part, chain, height));
      small = small.filter((part) => !own.includes(part));
      const ordered = [...chain, ...own].sort((a, b) => middle(a) - middle(b));
      found.push({ parts: ordered, height });
    }
    // What is left of a table or a shadow touches the border, but for specks beside it.
    const inner = found.filter((row) => !isOuter(row, shape));
    return (inner.length ? inner : found).sort((a, b) => level(a) - level(b));
  }

  // Whether all that may be a digit touches the border.
  function isOuter(row, shape) {
    const tall = row.parts.filter((part) => part.height >= TALL * row.height);
    return tall.every((part) => atBorder(part.box, ...shape));
  }

  const middle = (part) => part.box[2] + part.box[3];

  const level = (row) =>
    sum(row.parts.map((part) => part.box[0] + part.box[1])) / row.parts.length;

  // Whether a part lies along the border: a table, a shadow, a frame.
  function isMargin(part, shape, usual = 0) {
    if (!atBorder(part.box, ...shape)) return false;
    const along = part.width > 0.6 * shape[1] || part.height > 0.9 * shape[0];
    if (!usual) return along && part.depth < 0.1;
    return (
      part.height > 1.5 * usual || part.height < TALL * usual || (along && part.depth < 0.03)
    );
  }

  // Parts that follow each other from left to right at about the same height.
  function chains(some) {
    const found = [];
    for (const part of some.slice().sort((a, b) => middle(a) - middle(b))) {
      let best = null;
      for (const chain of found) {
        const share = largest(chain.slice(-2).map((other) => overlapped(part.box, other.box)));
        if (share >= 0.4 && (!best || share > best.share)) best = { share, chain };
      }
      if (best) best.chain.push(part);
      else found.push([part]);
    }
    return found;
  }

  // How much two boxes overlap up and down, as a share of the lower one.
  function overlapped(box, other) {
    const common = Math.min(box[1], other[1]) - Math.max(box[0], other[0]);
    return common / Math.min(box[1] - box[0], other[1] - other[0]);
  }

  // Whether a small part lies in a row: a piece of a digit, a point, a dash.
  function belongs(part, chain, height) {
    const away = (other) => Math.abs(middle(other) - middle(part));
    const near = chain.reduce((best, other) => (away(other) < away(best) ? other : best));
    const aside = Math.max(near.box[2] - part.box[3], part.box[2] - near.box[3], 0);
    const centre = (part.box[0] + part.box[1]) / 2;
    const inBand =
      near.box[0] - 0.3 * height <= centre && centre <= near.box[1] + 0.3 * height;
    return aside <= 1.2 * height && inBand && part.side >= 0.08 * height;
  }

  return { findRows, inPicture };
})();
