// The page: what is drawn or dropped -> the answer. picture.js stands before it in the same module.

const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const STEP = 0.03; // how far an arrow key moves the pen, in heights of the paper
const readsStrokes = facts.preprocessing === "strokes"; // else the whole picture is stretched
const readsDigits = facts.labels.join() === "0,1,2,3,4,5,6,7,8,9";
const readsNumbers = readsStrokes && readsDigits; // then switching.js stands behind this
const [ROWS, COLUMNS, CHANNELS = 1] = facts.image_shape;
const MOST_BARS = 10; // of more classes, as many of the likeliest are shown
const MOST_STEPS = 99; // of undo
const MOST_PIXELS = 16e6; // a canvas of more fails on some phones
const MAX_PIXELS = 24e6, MAX_SIDE = 65535; // of a picture that is read, as in Python

// -- the network ----------------------------------------------------------------------------------

async function unpacked(id) {
  const packed = Uint8Array.from(atob(element(id).textContent), (letter) => letter.charCodeAt(0));
  element(id).remove();
  return new Response(
    new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")),
  ).arrayBuffer();
}

async function start() {
  for (const needed of ["WebAssembly", "DecompressionStream", "createImageBitmap"]) {
    if (!(needed in window))
      throw new Error(`This browser has no ${needed}, which the page needs: try a newer one.`);
  }
  const source = URL.createObjectURL(
    new Blob([await unpacked("engine-script")], { type: "text/javascript" }),
  );
  const ort = await import(source);
  URL.revokeObjectURL(source);
  ort.env.wasm.numThreads = 1; // enough for this network; more need a server with special headers
  ort.env.wasm.wasmBinary = await unpacked("engine-wasm");
  return { ort, session: await ort.InferenceSession.create(await unpacked("model")) };
}

const engine = start();

// An image's bytes in order of rows, columns and channels, 784 for digits, white on black -> the
// network's probabilities.
async function probabilitiesOf(pixels) {
  const level = (value) => Number.isInteger(value) && value >= 0 && value <= 255;
  const size = ROWS * COLUMNS * CHANNELS;
  if (pixels?.length !== size || !pixels.every(level))
    throw new TypeError(`expected ${size} whole numbers from 0 to 255`);
  return answersTo(pixels, 1);
}

// The bytes of some images, one behind the other -> the network's probabilities of each.
async function answersTo(pixels, count) {
  const { ort, session } = await engine,
    raw = facts.pixels;
  const values = raw ? Uint8Array.from(pixels) : Float32Array.from(pixels, (value) => value / 255);
  const answer = await session.run({
    image: new ort.Tensor(raw ? "uint8" : "float32", values, [count, ...facts.shape]),
  });
  return answer.probabilities.data;
}

// As Prediction in Python: the calibrated probabilities, the class, and whether it may be none.
function judged(probabilities, doubtful) {
  const softened = Array.from(probabilities, (value) => value ** (1 / facts.temperature)),
    total = sum(softened);
  const shares = softened.map((value) => value / total),
    confidence = largest(shares),
    index = probabilities.indexOf(largest(probabilities));
  return {
    index, label: facts.labels[index] ?? "?", ...(readsDigits && { digit: index }),
    shares, confidence, probabilities,
    rejected: facts.reject_below !== null && (doubtful || !(confidence >= facts.reject_below)),
  };
}

// As Predictor.predict in Python: an image's bytes -> the answer. Where all are the same there is
// no stroke to read.
async function predict(pixels, doubtful = false) {
  const probabilities = await probabilitiesOf(pixels);
  const blank = readsStrokes && pixels.every((level) => level === pixels[0]);
  return judged(probabilities, doubtful || blank);
}

// ImageData -> the answer, with what the network saw and the milliseconds that both halves took.
async function read(imageData) {
  const before = performance.now(),
    prepared = readsStrokes ? examine(imageData) : whole.prepare(imageData, facts.image_shape, facts.resize),
    { pixels, doubtful } = prepared,
    between = performance.now();
  const answer = await predict(pixels, doubtful),
    after = performance.now();
  return { ...answer, pixels, times: { preparation: between - before, network: after - between } };
}

// The width and height in the header of a PNG or a JPEG: cameras write these two, and to decode
// a huge one may end the tab. Of other files they are known once they are decoded.
async function sizeInHeader(file) {
  const header = new DataView(await file.slice(0, 2 ** 20).arrayBuffer()), end = header.byteLength;
  if (end >= 24 && header.getUint32(0) === 0x89504e47)
    return [header.getUint32(16), header.getUint32(20)];
  if (end < 2 || header.getUint16(0) !== 0xffd8) return [0, 0];
  for (let place = 2; place + 9 <= end; place += 2 + header.getUint16(place + 2)) {
    const marker = header.getUint16(place);
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf; // but for its tables: C4, C8 and CC
    if (isFrame && ![0xffc4, 0xffc8, 0xffcc].includes(marker))
      return [header.getUint16(place + 7), header.getUint16(place + 5)];
  }
  return [0, 0];
}

// As too_many in Python; the page has no option to allow more.
function requireSize(width, height) {
  if (width * height <= MAX_PIXELS && Math.max(width, height) <= MAX_SIDE) return;
  const grouped = (value, digits = 0) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  throw new PictureError(
    `expected a picture of at most ${grouped(MAX_PIXELS)} pixels and ${grouped(MAX_SIDE)} a side, ` +
      `received ${width} x ${height} (${grouped((width * height) / 1e6, 1)} megapixels): ` +
      "make it smaller, or cut out the digit",
  );
}

// A file's pixels as they are in it, upright; a large one made smaller. `size` is the width and
// height of the picture itself.
async function pixelsOf(file) {
  requireSize(...(await sizeInHeader(file)));
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" }); // upright by itself
  } catch {
    throw new PictureError(
      "This file is no picture that the browser can open: take a PNG or a JPEG.",
    );
  }
  const own = [bitmap.width, bitmap.height];
  requireSize(...own);
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const size = own.map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement("canvas"), {
    width: size[0],
    height: size[1],
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, ...size);
  bitmap.close();
  return Object.assign(context.getImageData(0, 0, ...size), { size: own });
}

// One plane or three as a canvas: what is transparent in a photo is shown on the paper that the
// reader lays it on.
function painted(planes) {
  const [{ width, height }] = planes,
    canvas = Object.assign(document.createElement("canvas"), { width, height });
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = planes[c % planes.length].data[i];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// -- the paper ------------------------------------------------------------------------------------

const paper = element("paper"), context = paper.getContext("2d", { willReadFrequently: true });
// What is read, the pen's width in heights of the paper, and the paper's width over its height;
// another one in switching.js.
const oneDigit = { read, show, pen: 0.075, ratio: () => 1 };
let mode = oneDigit;
// Each stroke a list of points, in heights of the paper: from its middle line, and from its top.
// The ratio is that of a photo: the paper for numbers keeps its shape until it is cleared.
let now = { strokes: [], photo: null };
let past = []; // what undo goes back to
let current = null; // the stroke that is being drawn
const pen = { x: 0, y: 0.3, down: false, shown: false }; // the keyboard's

// Where what is read stands on the paper: left, top, width and height.
function frame() {
  const { width, height } = paper, { canvas } = now.photo ?? { canvas: paper };
  const scale = Math.min(width / canvas.width, height / canvas.height);
  const [wide, high] = [canvas.width * scale, canvas.height * scale];
  return [(width - wide) / 2, (height - high) / 2, wide, high];
}

function redraw() {
  const side = paper.height, wide = Math.round(side * mode.ratio());
  if (paper.width !== wide) paper.width = wide;
  const middle = wide / 2;
  context.fillStyle = getComputedStyle(paper).backgroundColor;
  context.fillRect(0, 0, wide, side);
  const { strokes, photo } = now;
  if (!readsStrokes && !strokes.length && !photo) invite(); // in showing.js
  if (photo) context.drawImage(photo.canvas, ...frame());
  context.strokeStyle = getComputedStyle(paper).color;
  Object.assign(context, { lineWidth: mode.pen * side, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    context.beginPath();
    // A line of no length would not be drawn.
    context.moveTo(middle + stroke[0].x * side, stroke[0].y * side + 0.1);
    for (const { x, y } of stroke) context.lineTo(middle + x * side, y * side);
    context.stroke();
  }
  element("undo").disabled = !past.length;
  element("clear").disabled = !strokes.length && !photo;
  if (document.activeElement.disabled) paper.focus(); // else the keyboard's place would be lost
}

function showPen() {
  if (!pen.shown) return;
  const side = paper.height, [x, y] = [paper.width / 2 + pen.x * side, pen.y * side];
  const { outlineColor } = getComputedStyle(paper); // the mark of what has the focus
  Object.assign(context, { lineWidth: 3, strokeStyle: outlineColor });
  context.beginPath();
  context.arc(x, y, (mode.pen * side) / 2 + (pen.down ? 0 : 6), 0, 2 * Math.PI);
  context.stroke();
}

// -- the answer -----------------------------------------------------------------------------------

const bars = facts.labels.slice(0, MOST_BARS).map(() => {
  const [row, name, bar, share] = ["li", "span", "div", "span"].map((tag) =>
    document.createElement(tag),
  );
  const range = { "aria-valuemin": 0, "aria-valuemax": 1 };
  const attributes = { role: "meter", ...range };
  for (const [attribute, value] of Object.entries(attributes)) bar.setAttribute(attribute, value);
  bar.append(document.createElement("span"));
  row.append(name, bar, share);
  element("bars").append(row);
  return { row, name, bar, share };
});
element("bars").start = readsDigits ? 0 : 1;

// The names' column: as wide as the longest, up to two fifths. Many of these characters are as wide
// as two digits.
const widthOf = (label) =>
  Array.from(label).reduce((width, letter) => width + (letter > "\u1000" ? 2 : 1), 0);
const longest = facts.labels.reduce((most, label) => Math.max(most, widthOf(label)), 1);
if (longest > 1 || !readsStrokes)
  element("bars").style.setProperty("--name", `min(${longest + 1}ch, 40%)`);
if (facts.labels.length > MOST_BARS) element("bars").classList.add("likeliest");

// The class of each bar: all in their order, or the likeliest first.
function barsOf(answer) {
  const all = facts.labels.map((_, index) => index);
  if (all.length <= MOST_BARS) return all;
  return answer ? all.sort((a, b) => answer.shares[b] - answer.shares[a]).slice(0, MOST_BARS) : [];
}

function announce(sentence, wrong = false) {
  element("state").textContent = sentence;
  element("state").classList.toggle("wrong", wrong);
}

const percent = (share) => `${(100 * share).toFixed(1)}%`;

function showVerdict(text, answer) {
  const { rejected } = element("sure").dataset, sure = () => `${percent(answer.confidence)} sure`;
  element("digit").textContent = text;
  element("sure").textContent = !answer ? "" : answer.rejected ? rejected : sure();
  const { preparation, network } = answer?.times ?? {};
  element("time").textContent = answer
    ? `Made in ${preparation.toFixed(1)} ms, read in ${network.toFixed(1)} ms.`
    : "";
}

function show(answer) {
  const label = answer ? answer.label : "?";
  showVerdict(label, answer);
  element("digit").className = label.length < 4 ? "" : label.length < 16 ? "word" : "phrase";
  const classes = barsOf(answer);
  bars.forEach(({ row, name, bar, share }, place) => {
    const index = classes[place], value = answer ? answer.shares[index] : 0;
    row.hidden = index === undefined;
    if (row.hidden) return;
    row.classList.toggle("best", answer?.index === index);
    name.textContent = name.title = facts.labels[index];
    bar.setAttribute("aria-label", `Probability of ${facts.labels[index]}`);
    bar.setAttribute("aria-valuenow", value.toFixed(4));
    bar.firstChild.style.width = percent(value);
    share.textContent = answer ? percent(value) : "";
  });
  showSeen(element("seen"), answer?.pixels);
  const article = readsStrokes ? "a " : "";
  element("seen").ariaLabel =
    `What the network sees: ${answer ? `${article}${label}, by its answer` : "nothing yet"}`;
}

function showSeen(seen, pixels) {
  Object.assign(seen, { width: COLUMNS, height: ROWS }); // and empty
  if (!pixels) return;
  const image = new ImageData(COLUMNS, ROWS);
  for (let i = 0; i < ROWS * COLUMNS; i++) {
    for (let c = 0; c < 4; c++) {
      const colour = CHANNELS === 1 ? pixels[i] : pixels[CHANNELS * i + c];
      image.data[4 * i + c] = c === 3 && CHANNELS < 4 ? 255 : colour;
    }
  }
  seen.getContext("2d").putImageData(image, 0, 0);
}

let wanted = 0; // only the last answer asked for is shown

async function answer() {
  const mine = ++wanted;
  redraw();
  const empty = !now.strokes.length && !now.photo;
  const imageData = now.photo?.imageData ?? context.getImageData(0, 0, paper.width, paper.height);
  showPen();
  try {
    await engine;
    if (mine !== wanted) return;
    const found = empty ? null : await mode.read(imageData);
    if (mine !== wanted) return;
    mode.show(found);
    announce(
      pen.shown
        ? `The pen is ${pen.down ? "down" : "up"}.`
        : found
          ? readsStrokes || !now.photo
            ? "Draw on, or clear."
            : "Open another picture, or clear."
          : element("state").dataset.ready,
    );
  } catch (error) {
    if (mine !== wanted) return;
    mode.show(null);
    announce(error.message, true);
  }
  if (!planned) element("answer").setAttribute("aria-busy", false);
}

let planned = false, rested = 0; // when drawing has had as much time as the last reading took

function answerSoon() { // what is drawn is seen at once, and read as often as drawing stays smooth
  redraw();
  showPen();
  element("answer").setAttribute("aria-busy", true);
  if (planned) return;
  planned = true;
  setTimeout(async () => {
    planned = false;
    const before = performance.now();
    await answer();
    rested = 2 * performance.now() - before;
  }, Math.max(0, rested - performance.now()));
}

let changes = 0; // a photo that is decoded while something else is drawn comes too late

async function open(file) {
  const mine = ++changes;
  announce(`Opening the ${readsStrokes ? "photo" : "picture"} …`);
  try {
    const imageData = await pixelsOf(file);
    if (mine !== changes) return;
    const canvas = readsStrokes ? painted(decode(imageData)) : whole.picture(imageData);
    change({ strokes: [], photo: { imageData, canvas }, ratio: canvas.width / canvas.height });
  } catch (error) {
    if (mine === changes) announce(error.message, true);
  }
}

function turnTo(next) {
  [now, current, drawing, pen.down] = [next, null, null, false];
  changes++;
  answer();
}

function remember() {
  past = [...past.slice(-MOST_STEPS), now];
}

function change(next) {
  remember();
  turnTo(next);
}

function undo() {
  if (past.length) turnTo(past.pop());
}

function clear() {
  if (now.strokes.length || now.photo) change({ strokes: [], photo: null });
  else turnTo(now);
}

function begin(point) { // on a photo, a new drawing
  remember();
  current = [point];
  now = { ...now, strokes: [...now.strokes, current], photo: null };
  changes++;
}

// -- mouse, pen, finger, keyboard, files ----------------------------------------------------------

function place(event) {
  const box = paper.getBoundingClientRect();
  const x = (event.clientX - box.left - box.width / 2) / box.height;
  return { x, y: (event.clientY - box.top) / box.height };
}

let drawing = null; // the pointer that draws; others are palms

paper.addEventListener("pointerdown", (event) => {
  if (drawing !== null || event.button) return;
  [drawing, pen.shown, pen.down] = [event.pointerId, false, false];
  paper.setPointerCapture(drawing);
  begin(place(event));
  answerSoon();
});
paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== drawing) return;
  current.push(...(event.getCoalescedEvents?.() ?? []).map(place), place(event));
  answerSoon();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId === drawing) drawing = null;
  });
}

const MOVES = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

paper.addEventListener("keydown", (event) => {
  const move = MOVES[event.key], lift = event.key === " ";
  if (!(move || lift) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  if (lift && event.repeat) return;
  pen.shown = true;
  if (lift) pen.down = !pen.down;
  else {
    const end = paper.width / paper.height / 2;
    [pen.x, pen.y] = [clip(pen.x + move[0], -end, end), clip(pen.y + move[1], 0, 1)];
  }
  if (pen.down && lift) begin({ x: pen.x, y: pen.y });
  else if (pen.down) current.push({ x: pen.x, y: pen.y });
  answerSoon();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey) undo();
});
paper.addEventListener("blur", () => {
  if (!pen.shown) return;
  pen.shown = pen.down = false;
  answerSoon();
});
element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", clear);
element("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) open(target.files[0]);
  target.value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  if (event.dataTransfer.types.includes("Files")) paper.classList.add("over");
});
document.addEventListener("dragleave", () => paper.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  paper.classList.remove("over");
  if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
});
document.addEventListener("paste", ({ clipboardData }) => {
  if (clipboardData.files[0]) open(clipboardData.files[0]);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", answer);

// For apps and tests: the same from a script. A file or blob -> the answer, of one digit or of a
// number; an image's bytes -> the answer, or its probabilities.
window.mnistEdge = Object.freeze({
  facts, predict: (pixels) => predict(pixels), probabilities: probabilitiesOf,
  readPicture: async (file) => read(await pixelsOf(file)),
  ...(readsNumbers && { readNumber: async (file) => numberIn(await pixelsOf(file)) }),
});

show(null);
answer();
