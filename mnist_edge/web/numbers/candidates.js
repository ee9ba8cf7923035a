// Rows of ink -> pieces, and what may be a digit: runs of pieces, each made as MNIST's digits are
// (preprocess/candidates.py).

const candidates = (() => {
  const MOST_PIECES = 5, WIDEST_RUN = 1.35, LOWEST_PIECE = 0.6, SHARED = 1.25, FARTHEST = 3;
  const NEAR = 0.15;

  // A row's pieces from left to right, and what may be digits among them.
  class Line {
    #rows;
    #stroke;
    #groups;
    #plane;

    constructor(found, row, stroke) {
      const { height, width } = found.labels;
      this.#rows = found;
      this.#stroke = stroke;
      this.#groups = groups.groupParts(row);
      this.#plane = { height, width, data: new Int32Array(height * width) };
      this.height = row.height;
      this.pieces = [];
      for (const group of this.#groups) this.#add(group, false);
      this.candidates = this.pieces.map((_, number) => this.#candidate(number, number + 1));
    }

    // Join some of the first pieces to others, and cut some; returns how many of the candidates
    // are as they were: the first ones.
    lookCloser(doubtful, several) {
      const known = this.candidates, unsure = new Set(), first = [];
      this.pieces = [];
      this.#groups.forEach((group, number) => {
        const start = this.pieces.length;
        this.#add(group, several.has(number));
        first.push([start, this.pieces.length]);
        if (doubtful.has(number))
          for (let piece = start; piece < this.pieces.length; piece++) unsure.add(piece);
      });
      const isKnown = ([start, stop]) => first.some((run) => run[0] === start && run[1] === stop);
      const isSure = ([start, stop]) => {
        for (let piece = start; piece < stop; piece++) if (unsure.has(piece)) return false;
        return true;
      };
      // Of what is sure, nothing is joined; what is cut off below the height of a digit is none.
      const runs = runsOf(this.pieces, this.height).filter(
        (run) => !isKnown(run) && !isSure(run) && this.#isHigh(...run),
      );
      this.candidates = first.map(([start, stop], number) => (
        { ...known[number], first: start, stop, cut: 0 }
      ));
      for (const run of runs) this.candidates.push(this.#candidate(...run));
      for (const [start, stop] of runs) {
        if (this.pieces[start].seam) this.candidates.push(this.#candidate(start, stop, "left"));
        if (this.#isCutBehind(stop)) this.candidates.push(this.#candidate(start, stop, "right"));
      }
      return first.length;
    }

    #isHigh(first, stop) {
      const run = this.pieces.slice(first, stop);
      const box = groups.around(run.map((piece) => piece.box));
      const isWhole = !run[0].cut && !this.#isCutBehind(stop);
      return isWhole || box[1] - box[0] >= LOWEST_PIECE * this.height;
    }

    #isCutBehind(stop) {
      return stop < this.pieces.length && this.pieces[stop].cut > 0;
    }

    // Enter the pieces of a group of parts, cut or whole.
    #add(group, isCut) {
      const box = groups.around(group.map((part) => part.box)), [top, , left] = box;
      const own = parts.only(this.#rows.labels, group[0].number, box);
      for (const part of group.slice(1)) {
        const other = parts.only(this.#rows.labels, part.number, box);
        other.data.forEach((set, i) => {
          own.data[i] |= set;
        });
      }
      const between = isCut ? cuts.seams(own, this.height, this.#stroke) : [];
      const numbers = cuts.cut(own, between), before = this.pieces.length;
      for (let index = 0; index <= between.length; index++) {
        const seam = index ? between[index - 1] : null;
        const alone = parts.only(numbers, index + 1, [0, own.height, 0, own.width]);
        const inside = extent(alone, 0);
        this.pieces.push({
          number: before + index + 1,
          part: group[0].number,
          box: [top + inside[0], top + inside[1], left + inside[2], left + inside[3]],
          cut: seam ? seam.ink / this.#stroke : 0,
          inside: seam ? seam.inside / this.height : 0,
          seam: seam ? this.#seam(seam, box) : null,
        });
      }
      numbers.data.forEach((number, i) => {
        const y = Math.floor(i / own.width), x = i % own.width;
        if (number) this.#plane.data[(top + y) * this.#plane.width + left + x] = before + number;
      });
    }

    #seam(seam, [top, , left]) {
      const columns = new Int32Array(this.#plane.height);
      columns.set(seam.columns.map((column) => left + column), top);
      return columns;
    }

    // A run of pieces, alone or with the stroke it shares with the piece beside it.
    #candidate(first, stop, goesOn = null) {
      const run = this.pieces.slice(first, stop);
      const box = groups.around(run.map((piece) => piece.box));
      let apart = 0;
      for (let place = 1; place < run.length; place++) {
        const before = run[place - 1], piece = run[place];
        if (before.part !== piece.part)
          apart += Math.max(1, groups.gap(before.box, piece.box)) / this.height;
      }
      const [left] = run, right = this.#isCutBehind(stop) ? this.pieces[stop] : null;
      let opened = goesOn === "left" ? 0 : left.inside;
      if (right && goesOn !== "right") opened += right.inside;
      const found = this.#found(run, box, goesOn && { left, right }[goesOn]);
      return { first, stop, box, preparation: compose(found), apart, cut: left.cut, opened };
    }

    // A run of pieces as what `compose` takes: alone, with a margin.
    #found(run, box, beside) {
      const margin = 3 + round(SHARED * this.#stroke), { height, width } = this.#plane;
      const top = Math.max(0, box[0] - margin), bottom = Math.min(height, box[1] + margin);
      const start = Math.max(0, box[2] - margin), stop = Math.min(width, box[3] + margin);
      const numbers = cut(this.#plane, top, bottom, start, stop, floats);
      const ink = cut(this.#rows.ink, top, bottom, start, stop, floats);
      const own = bytes(numbers.height, numbers.width), data = numbers.data;
      for (let i = 0; i < data.length; i++)
        own.data[i] = data[i] >= run[0].number && data[i] <= run.at(-1).number ? 1 : 0;
      if (beside?.seam) {
        // The cut is at the run's own left, or at that of the piece behind it.
        const other = beside === run[0] ? beside.number - 1 : beside.number, shared = [];
        for (let y = 0, i = 0; y < own.height; y++) {
          const seam = beside.seam[top + y] - start - 0.5;
          for (let x = 0; x < own.width; x++, i++)
            if (data[i] === other && Math.abs(x - seam) < SHARED * this.#stroke) shared.push(i);
        }
        spread(own, shared, round(FARTHEST * this.#stroke));
      }
      for (let i = 0; i < data.length; i++) if (!own.data[i] && data[i]) ink.data[i] = 0;
      const pieces = new Set(run.map((piece) => piece.part)).size;
      return { ink, own, box: extent(own, 0), pieces, parts: 1, sheet: false };
    }
  }

  // Grow a mask up, down, left and right some times over, into the places given alone.
  function spread({ width, data }, places, rounds) {
    let left = places;
    for (let turn = 0; turn < rounds; turn++) {
      const isBeside = (i) => {
        const x = i % width;
        return data[i - width] || data[i + width] || (x && data[i - 1]) ||
          (x < width - 1 && data[i + 1]);
      };
      const next = left.filter(isBeside);
      if (!next.length) return;
      left = left.filter((i) => !isBeside(i));
      for (const i of next) data[i] = 1;
    }
  }

  // The pieces and candidates of each row.
  function linesOf(found) {
    const stroke = parts.strokeOf(found.labels);
    return found.rows.map((row) => new Line(found, row, stroke));
  }

  // The runs of pieces that may be one digit: the first, and behind the last.
  function runsOf(pieces, height) {
    const runs = [];
    for (let first = 0; first < pieces.length; first++) {
      const last = Math.min(first + MOST_PIECES, pieces.length);
      for (let stop = first + 1; stop <= last; stop++) {
        if (stop - first > 1) {
          const before = pieces[stop - 2], piece = pieces[stop - 1];
          const isFar = groups.gap(before.box, piece.box) > NEAR * height;
          if (before.part !== piece.part && isFar) break;
          const box = groups.around(pieces.slice(first, stop).map((one) => one.box));
          if (box[3] - box[2] > WIDEST_RUN * height) break;
        }
        runs.push([first, stop]);
      }
      // A part as a whole.
      const { part } = pieces[first], isPart = (piece) => piece.part === part;
      const start = pieces.findIndex(isPart), stop = pieces.findLastIndex(isPart) + 1;
      const isNew = !runs.some((run) => run[0] === start && run[1] === stop);
      if (first === start && isNew) runs.push([start, stop]);
    }
    return runs;
  }

  return { linesOf };
})();
