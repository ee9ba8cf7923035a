// The answer for a picture of a whole number, and how its digits are chosen (runtime/number.py).

const number = (() => {
  const DOUBT = "?";
  const LOWEST = 0.6, HIGHEST = 1.6, PIECE = 0.4, UNSURE = 0.003, SURE = 0.99;
  const SURE_ALONE = 0.975;
  const LEAST = 0.6, OTHERS = 2, SURE_DOUBT = 0.5, WHOLE = 0.97;
  const ODD = 7, ODD_CUT = 5.5, CERTAIN_WHOLE = 0.5, CERTAIN_CUT = 0.7;

  // Read the rows of a picture, whose own size is [width, height]; `read` is the network:
  // preparations -> answers as from `judged`. The text joins rows by a line break, and has ? for
  // what may be no digit; it is empty if nothing was found. Gaps are no blanks in it.
  async function readNumber(picture, size, read) {
    const found = rows.findRows(picture, size);
    if (!found) return { text: "", digits: [], confidence: 0, rejected: true };
    const chosen = (await answers(candidates.linesOf(found), read)).map(
      ([line, readings]) => paths.cheapest(line, readings),
    );
    const least = leastConfidence(chosen.flat()), texts = [], digits = [];
    for (const line of chosen) {
      const own = line.map((choice) => {
        const { candidate, prediction } = choice.reading, { confidence } = prediction;
        const limit = isAmongSure(choice, line) ? LEAST : facts.reject_below;
        const { doubtful, pixels } = candidate.preparation;
        const isUnsure = limit !== null && (doubtful || !(confidence >= limit));
        const rejected = isStray(choice) || confidence < least || isUnsure;
        return { ...prediction, rejected, pixels, box: rows.inPicture(found, candidate.box) };
      });
      digits.push(...own);
      texts.push(own.map((digit) => (digit.rejected ? DOUBT : digit.label)).join(""));
    }
    const confidence = digits.reduce((product, digit) => product * digit.confidence, 1);
    return { text: texts.join("\n"), digits, confidence, rejected: texts.join().includes(DOUBT) };
  }

  // Read all candidates of a picture at once, and then those of what is cut, if anything is.
  async function answers(all, read) {
    const first = await paths.readAll(all.flatMap((line) => line.candidates), read);
    const found = all.map((line) => [line, first.splice(0, line.candidates.length)]);
    const more = [];
    for (const [line, own] of found) {
      const [pieces, several] = doubtfulOf(line, own);
      if (!pieces.size) continue;
      const known = line.lookCloser(pieces, several);
      own.forEach((reading, place) => {
        own[place] = { ...reading, candidate: line.candidates[place] };
      });
      more.push(...line.candidates.slice(known));
    }
    const second = more.length ? await paths.readAll(more, read) : [];
    for (const [line, own] of found)
      own.push(...second.splice(0, line.candidates.length - own.length));
    return found;
  }

  // Which of a line's parts may be a piece of a digit, and which may be several digits.
  function doubtfulOf(line, readings) {
    const pieces = new Set(), several = new Set();
    readings.forEach((reading, place) => {
      const [top, bottom] = reading.candidate.box;
      if (bottom - top < PIECE * line.height) return;
      const isLow = bottom - top < LOWEST * line.height;
      if (isLow || reading.prediction.confidence < WHOLE) pieces.add(place);
      if (isLow || !paths.mayBeSeveral(line, reading)) return;
      pieces.add(place);
      several.add(place);
    });
    return [pieces, several];
  }

  // What a digit's confidence must be in this picture.
  function leastConfidence(choices) {
    if (!choices.length || facts.reject_below === null) return 0;
    if (choices.length === 1) return SURE_ALONE;
    const unsure = choices.filter(({ reading }) => reading.prediction.confidence < SURE);
    return unsure.length > choices.length / 2 ? SURE : 0;
  }

  // Whether a digit that was not cut out stands in a row of others that are sure.
  function isAmongSure(choice, line) {
    const limit = facts.reject_below, others = line.filter((other) => other !== choice);
    if (limit === null || limit < LEAST || others.length < OTHERS) return false;
    if (choice.reading.candidate.cut) return false;
    const doubts = others.map((other) => paths.doubt(other.reading.prediction, UNSURE));
    return sum(doubts) <= SURE_DOUBT * others.length;
  }

  // Whether it lies in its row as no digit does, or may as well be something else.
  function isStray({ line, reading, certainty }) {
    const { candidate } = reading, [top, bottom] = candidate.box;
    const height = (bottom - top) / line.height;
    if (height < LOWEST || height > HIGHEST || candidate.preparation.doubtful) return true;
    const [odd, certain] = candidate.cut ? [ODD_CUT, CERTAIN_CUT] : [ODD, CERTAIN_WHOLE];
    return paths.oddness(line, reading) > odd || certainty < certain;
  }

  return { readNumber };
})();
