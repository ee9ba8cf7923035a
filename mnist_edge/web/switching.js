// What only the pages that read whole numbers have: the switch, and what it shows; behind page.js
// in the same module.

// Width of a paper for numbers over its height; that of a photo has the photo's, within bounds.
const RATIOS = { wide: 2.5, onPhones: 1.75, least: 0.75, most: 4 };
const LONG = 9, LONGEST = 24; // letters in a line of what is read that are large, and smaller
const AT_TOP = 0.1; // of the paper's height: what stands higher has its digit written below

// Preparations -> the answers, in one run of the network.
async function judgedAll(preparations) {
  const size = ROWS * COLUMNS, all = new Uint8Array(size * preparations.length);
  preparations.forEach(({ pixels }, place) => all.set(pixels, place * size));
  const probabilities = await answersTo(all, preparations.length), classes = facts.labels.length;
  return preparations.map(({ doubtful }, place) =>
    judged(probabilities.subarray(place * classes, (place + 1) * classes), doubtful));
}

// As Predictor.predict_number in Python: ImageData -> the number, with the size of its picture and
// the milliseconds that both halves took.
async function numberIn(imageData) {
  const { size = [imageData.width, imageData.height] } = imageData, before = performance.now();
  let network = 0;
  const found = await number.readNumber(decode(imageData), size, async (preparations) => {
    const start = performance.now(), answers = await judgedAll(preparations);
    network += performance.now() - start;
    return answers;
  });
  const preparation = performance.now() - before - network;
  return { ...found, size, times: { preparation, network } };
}

async function readShown(imageData) {
  const found = await numberIn(imageData);
  if (found.digits.length) return found;
  throw new PictureError("No digits were found: write them larger, or with more contrast.");
}

function showNumber(found) {
  const text = found?.text ?? "?", widest = largest(text.split("\n").map((row) => row.length));
  showVerdict(text, found);
  element("digit").className = widest < LONG ? "" : widest < LONGEST ? "word" : "phrase";
  const digits = found?.digits ?? [];
  element("marks").replaceChildren(...digits.map((digit) => markOf(digit, found.size)));
  element("digits").replaceChildren(...digits.map(cardOf));
}

const markedAs = ({ rejected, label }) => (rejected ? "?" : label);

// The box around a digit, over the paper.
function markOf(digit, size) {
  const mark = document.createElement("span"), name = document.createElement("b");
  const [left, top, width, height] = frame(), [x, y, w, h] = digit.box;
  const shareOf = (pixels, whole) => `${(100 * pixels) / whole}%`;
  const upper = top + (y / size[1]) * height;
  Object.assign(mark.style, {
    left: shareOf(left + (x / size[0]) * width, paper.width),
    top: shareOf(upper, paper.height),
    width: shareOf((w / size[0]) * width, paper.width),
    height: shareOf((h / size[1]) * height, paper.height),
  });
  mark.classList.toggle("low", upper < AT_TOP * paper.height);
  mark.classList.toggle("doubtful", digit.rejected);
  name.textContent = markedAs(digit);
  mark.append(name);
  return mark;
}

// What the network sees of a digit, and how sure it is.
function cardOf(digit) {
  const [card, seen, name] = ["li", "canvas", "b"].map((tag) => document.createElement(tag));
  showSeen(seen, digit.pixels);
  seen.setAttribute("aria-hidden", true);
  name.textContent = markedAs(digit);
  card.classList.toggle("doubtful", digit.rejected);
  card.append(seen, name, digit.rejected ? `or ${digit.label}` : percent(digit.confidence));
  return card;
}

// -- the switch -----------------------------------------------------------------------------------

const aNumber = { read: readShown, show: showNumber, pen: 0.05, ratio: ratioForNumbers };
const words = () => ({
  heading: document.querySelector("h1").textContent,
  ready: element("state").dataset.ready,
  rejected: element("sure").dataset.rejected,
  hint: element("hint").textContent,
});
const ofDigit = words();
const ofNumber = {
  heading: "Write a number",
  ready: "Ready: write a number, its digits side by side.",
  rejected: "or no number at all",
  hint: "Mouse, pen or finger; or drop or paste a photo of a number, in one row or several.",
};
const narrow = matchMedia("(max-width: 44rem)");

function ratioForNumbers() {
  const free = narrow.matches ? RATIOS.onPhones : RATIOS.wide;
  const ratio = now.ratio ? clip(now.ratio, RATIOS.least, RATIOS.most) : free;
  element("sheet").style.setProperty("--ratio", ratio);
  return ratio;
}

function lay() {
  const isNumber = mode === aNumber;
  const { heading, ready, rejected, hint } = isNumber ? ofNumber : ofDigit;
  document.body.classList.toggle("number", isNumber);
  document.querySelector("h1").textContent = heading;
  element("state").dataset.ready = ready;
  element("sure").dataset.rejected = rejected;
  element("hint").textContent = hint;
  element("bars").hidden = isNumber;
  element("digits").hidden = !isNumber;
  showNumber(null); // else the boxes of what was read last would stay
  mode.show(null);
  answer(); // of the same strokes or photo
}

element("switch").hidden = false;
element("switch").addEventListener("change", ({ target }) => {
  mode = target.value === "number" ? aNumber : oneDigit;
  lay();
});
narrow.addEventListener("change", () => {
  if (mode === aNumber) lay();
});
