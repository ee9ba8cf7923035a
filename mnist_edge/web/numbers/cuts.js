// A row's ink -> pieces, none of which is more than one digit (preprocess/cuts.py).

const cuts = (() => {
  const INK = 8, SIDE = 2, NARROWEST = 0.5, ASIDE = 0.1, LEAST_PIECE = 0.035, SEAMS = 4;
  const THROUGH = 3;

  // Where a part may be cut, from left to right: for each row the first pixel to the right of the
  // cut, and the pixels of ink and of enclosed paper that it goes through.
  function seams(own, height, stroke) {
    const { height: count, width } = own;
    if (width < NARROWEST * height || count < 4) return [];
    const price = Array.from({ length: count }, (_, y) =>
      Int32Array.from(own.data.subarray(y * width, (y + 1) * width), (set) => (set ? INK : 0)));
    const middle = count >> 1;
    const down = cheapest(price.slice(0, middle + 1));
    const up = cheapest(price.slice(middle).reverse());
    const total = Array.from(price[middle], (cost, x) => down.at(-1)[x] + up.at(-1)[x] - cost);
    const enclosed = inside(own), found = [], tried = [];
    const limit = INK * THROUGH * stroke + 0.3 * height, apartBy = Math.max(2, ASIDE * height);
    const starts = total.map((_, x) => x).sort((a, b) => total[a] - total[b]);
    for (const start of starts) {
      if (total[start] > limit) break;
      if (tried.some((other) => Math.abs(start - other) < apartBy)) continue;
      tried.push(start);
      const columns = [...back(down, start).reverse(), ...back(up, start).slice(1)];
      const through = (data) => sum(columns.map((x, y) => data[y * width + x]));
      found.push({ columns, ink: through(own.data), inside: through(enclosed) });
    }
    const most = round((SEAMS * width) / height);
    return apart(own, found, LEAST_PIECE * height * height, most);
  }

  // The paper that ink encloses.
  function inside({ height, width, data }) {
    const framed = { height: height + 2, width: width + 2 };
    framed.data = new Uint8Array(framed.height * framed.width).fill(1);
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++)
        framed.data[(y + 1) * framed.width + x + 1] = data[i] ? 0 : 1;
    // The first piece is the frame, and all that lies outside is connected to it.
    const [outside] = piecesOf(framed.data, framed.height, framed.width, 0);
    for (const i of outside) framed.data[i] = 0;
    return cut(framed, 1, height + 1, 1, width + 1).data;
  }

  // What the cheapest way from the first row to each pixel costs, row by row.
  function cheapest(price) {
    const cost = [price[0].slice()];
    for (let row = 1; row < price.length; row++) {
      const above = cost[row - 1], own = price[row].slice();
      for (let x = 0; x < own.length; x++)
        own[x] += Math.min(above[x], (above[x - 1] ?? 1e9) + SIDE, (above[x + 1] ?? 1e9) + SIDE);
      cost.push(own);
    }
    return cost;
  }

  // The columns of the cheapest way to a pixel of the last row, from there back.
  function back(cost, column) {
    const way = [column];
    for (let row = cost.length - 2; row >= 0; row--) {
      const own = cost[row];
      let best = own[column], next = column;
      for (const aside of [column - 1, column + 1]) {
        if (!(own[aside] + SIDE < best)) continue;
        [best, next] = [own[aside] + SIDE, aside];
      }
      column = next;
      way.push(column);
    }
    return way;
  }

  // The seams between which there are so many pixels at least, the cheapest first.
  function apart(own, found, least, most) {
    const kept = [], whole = sum(own.data);
    for (const seam of found) {
      if (kept.length === most) break;
      let before = 0;
      seam.columns.forEach((column, y) => {
        for (let x = 0; x < column; x++) before += own.data[y * own.width + x];
      });
      const places = [0, whole, ...kept.map((one) => one.before)];
      if (Math.min(...places.map((place) => Math.abs(before - place))) >= least)
        kept.push({ before, seam });
    }
    return kept.sort((a, b) => a.before - b.before).map(({ seam }) => seam);
  }

  // The number of each pixel's piece from 1, left to right; 0 on paper.
  function numbered(own, between) {
    const data = new Int32Array(own.data.length);
    for (let y = 0, i = 0; y < own.height; y++) {
      for (let x = 0; x < own.width; x++, i++)
        if (own.data[i]) data[i] = 1 + between.filter((seam) => x >= seam.columns[y]).length;
    }
    return { ...own, data };
  }

  return { seams, cut: numbered };
})();
