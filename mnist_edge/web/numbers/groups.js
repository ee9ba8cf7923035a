// The parts of a row that are surely one digit together: a hat and its five, a broken six
// (preprocess/groups.py).

const groups = (() => {
  const BROKEN = 0.75, HAT = 0.35, LONG = 1.5, HIGH = 0.25;

  // A row's parts from left to right, those of one digit together, the highest first.
  function groupParts(row) {
    const found = row.parts.map((part) => [part]);
    const ordered = row.parts.slice().sort((a, b) => b.height - a.height);
    for (const part of ordered.reverse()) { // the smallest first
      if (part.height >= BROKEN * row.height) break;
      const own = found.find((group) => group.includes(part));
      const fitting = found.filter((group) => group !== own && belong(own, group, row.height));
      if (!fitting.length) continue;
      const shared = (group) => beside(part, boxOf(group));
      const best = fitting.reduce((most, group) => (shared(group) > shared(most) ? group : most));
      best.push(...own);
      found.splice(found.indexOf(own), 1);
    }
    for (const group of found) group.sort((a, b) => b.height - a.height);
    const middle = (group) => boxOf(group)[2] + boxOf(group)[3];
    return found.sort((a, b) => middle(a) - middle(b));
  }

  // Whether one lies above or below the other, close by, and both are no higher than 1.
  function belong(group, other, height) {
    const box = boxOf(group), another = boxOf(other), both = around([box, another]);
    const narrower = Math.min(box[3] - box[2], another[3] - another[2]);
    const shared = Math.min(box[3], another[3]) - Math.max(box[2], another[2]);
    if (both[1] - both[0] > 1.35 * height) return false;
    if (shared < 0.3 * narrower) return isHat(box, another, height);
    return between(box, another) <= (shared >= 0.5 * narrower ? 0.3 : 0.15) * height;
  }

  // Whether a part is the top stroke of a 5 or a 7 that ends before the rest.
  function isHat(box, other, height) {
    const high = box[1] - box[0], middle = (box[0] + box[1]) / 2;
    return (
      high <= HAT * height &&
      box[3] - box[2] >= LONG * high &&
      middle <= other[0] + HIGH * height &&
      between(box, other) <= 0.15 * height
    );
  }

  const boxOf = (group) => around(group.map((part) => part.box));

  const beside = (part, box) => Math.min(part.box[3], box[3]) - Math.max(part.box[2], box[2]);

  // The box around boxes, at least one.
  function around(boxes) {
    const edges = (side) => boxes.map((box) => box[side]);
    return [
      Math.min(...edges(0)),
      Math.max(...edges(1)),
      Math.min(...edges(2)),
      Math.max(...edges(3)),
    ];
  }

  // The pixels between two boxes, across or down, the more of both; 0 if they meet.
  const between = (box, other) => gap({ box }, { box: other });

  return { groupParts, around, gap: between };
})();
