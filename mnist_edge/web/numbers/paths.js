// A row's candidates, read -> its digits: the cheapest path through the row's pieces
// (runtime/paths.py).

const paths = (() => {
  const UNSURE = 0.0005, ACROSS = 1.8, SEVERAL = 5.5, ODDEST = 16;
  const FREE = 0.67, WIDTH = 0.6, HEIGHT = 0.9, LEAST_HEIGHT = 0.6;
  const WEIGHTS = {
    digit: -1.24,
    doubt: 0.56,
    cut: 1.36,
    opened: 1.38,
    apart: 0.35,
    wide: 2.31,
    low: 3.34,
    tooLow: 8.0,
    seven: 0.46,
    cutOne: 0.4,
    across: 0.8,
    many: 0.91,
    offAspect: 0.11,
    offAcross: 0.24,
    offDown: 0.09,
  };
  // Of each class the logarithm of width over height, the strokes across and down, each with its
  // standard deviation.
  const TYPICAL = [
    { aspect: [-0.28, 0.22], across: [1.67, 0.12], down: [1.61, 0.12] },
    { aspect: [-1.1, 0.37], across: [1.0, 0.12], down: [1.0, 0.14] },
    { aspect: [-0.24, 0.28], across: [1.24, 0.12], down: [2.07, 0.35] },
    { aspect: [-0.34, 0.19], across: [1.25, 0.12], down: [2.0, 0.18] },
    { aspect: [-0.25, 0.14], across: [1.35, 0.12], down: [1.31, 0.17] },
    { aspect: [-0.32, 0.2], across: [1.2, 0.12], down: [2.07, 0.22] },
    { aspect: [-0.35, 0.14], across: [1.35, 0.12], down: [1.89, 0.24] },
    { aspect: [-0.33, 0.17], across: [1.05, 0.12], down: [1.47, 0.12] },
    { aspect: [-0.36, 0.18], across: [1.5, 0.12], down: [2.0, 0.2] },
    { aspect: [-0.44, 0.15], across: [1.3, 0.12], down: [1.62, 0.13] },
  ];

  // Read candidates, at least one, in one batch.
  async function readAll(some, read) {
    const found = await read(some.map((candidate) => candidate.preparation));
    return some.map((candidate, number) => ({
      candidate,
      prediction: found[number],
      ...crossings.countCrossings(candidate.preparation.pixels),
    }));
  }

  // What a candidate costs on the path.
  function price(line, reading) {
    const terms = termsOf(line, reading);
    return sum(Object.keys(WEIGHTS).map((name) => WEIGHTS[name] * terms[name]));
  }

  // What a candidate's price is the weighted sum of.
  function termsOf(line, reading) {
    const { candidate, prediction } = reading, [top, bottom, left, right] = candidate.box;
    const height = (bottom - top) / line.height, width = (right - left) / line.height;
    return {
      digit: 1,
      doubt: doubt(prediction),
      cut: candidate.cut ? Math.max(0, candidate.cut - FREE) : 0,
      opened: candidate.opened,
      apart: candidate.apart ? 1 : 0,
      wide: Math.max(0, width - WIDTH),
      low: Math.max(0, HEIGHT - height),
      tooLow: Math.max(0, LEAST_HEIGHT - height),
      seven: prediction.index === 7 ? 1 : 0,
      cutOne: prediction.index === 1 && candidate.cut ? 1 : 0,
      across: Math.max(0, reading.across - ACROSS),
      many: reading.many,
      offAspect: offAspect(reading),
      offAcross: offAcross(reading),
      offDown: offDown(reading),
    };
  }

  // How little a candidate looks like one digit, 2 for most digits.
  function oddness(line, reading) {
    const [, , left, right] = reading.candidate.box, width = (right - left) / line.height;
    const odd = 0.67 * doubt(reading.prediction) + 2.6 * width + 7 * reading.many;
    return odd + 4.8 * Math.max(0, reading.across - ACROSS) + 0.26 * offAcross(reading);
  }

  // Whether a part may be several digits.
  const mayBeSeveral = (line, reading) =>
    oddness(line, reading) > SEVERAL || reading.candidate.preparation.doubtful;

  // A confidence as a cost, which tells 0.99 from 0.999.
  const doubt = (prediction, unsure = UNSURE) =>
    Math.log1p((1 - prediction.confidence) / unsure);

  function offAspect({ candidate, prediction }) {
    const [top, bottom, left, right] = candidate.box;
    return off(Math.log((right - left) / (bottom - top)), TYPICAL[prediction.index].aspect);
  }

  const offAcross = ({ across, prediction }) => off(across, TYPICAL[prediction.index].across);

  const offDown = ({ down, prediction }) => off(down, TYPICAL[prediction.index].down);

  const off = (value, [mean, deviation]) => Math.min(ODDEST, ((value - mean) / deviation) ** 2);

  // The digits on the cheapest path through a row.
  function cheapest(line, readings) {
    readings = readings.slice().sort((a, b) => a.candidate.stop - b.candidate.stop);
    const prices = readings.map((reading) => price(line, reading)), count = line.pieces.length;
    const costs = [0, ...new Array(count).fill(Infinity)], came = new Array(count + 1).fill(-1);
    readings.forEach(({ candidate }, number) => {
      const cost = costs[candidate.first] + prices[number];
      if (cost < costs[candidate.stop]) {
        costs[candidate.stop] = cost;
        came[candidate.stop] = number;
      }
    });
    const shares = sharesOf(readings, prices, count), path = [];
    for (let place = count; place; place = path.at(-1).reading.candidate.first) {
      const chosen = readings[came[place]];
      const same = shares.filter((_, number) => alike(readings[number], chosen));
      path.push({ line, reading: chosen, certainty: sum(same) });
    }
    return path.reverse();
  }

  // The share of all paths that each reading is on, each path as exp(-its cost).
  function sharesOf(readings, prices, count) {
    const before = [0, ...new Array(count).fill(-Infinity)];
    readings.forEach(({ candidate: { first, stop } }, number) => {
      before[stop] = logSum(before[stop], before[first] - prices[number]);
    });
    const behind = [...new Array(count).fill(-Infinity), 0];
    const order = readings.map((_, number) => number);
    order.sort((a, b) => readings[b].candidate.first - readings[a].candidate.first);
    for (const number of order) {
      const { first, stop } = readings[number].candidate;
      behind[first] = logSum(behind[first], behind[stop] - prices[number]);
    }
    return readings.map(({ candidate: { first, stop } }, number) =>
      Math.exp(before[first] - prices[number] + behind[stop] - before[count]));
  }

  // The logarithm of the sum of two numbers, from theirs.
  function logSum(some, other) {
    const high = Math.max(some, other);
    if (high === -Infinity) return high;
    return high + Math.log(Math.exp(some - high) + Math.exp(other - high));
  }

  // Whether two are the same digit in about the same place.
  function alike(reading, other) {
    if (reading.prediction.index !== other.prediction.index) return false;
    const box = reading.candidate.box, another = other.candidate.box;
    const common = Math.min(box[3], another[3]) - Math.max(box[2], another[2]);
    return common > 0.5 * (Math.max(box[3], another[3]) - Math.min(box[2], another[2]));
  }

  return { readAll, cheapest, oddness, mayBeSeveral, doubt };
})();
