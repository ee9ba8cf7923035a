// The page: what is drawn or dropped -> the answer. picture.js stands before it in the same module.

const element = (id) => document.getElementById(id);
const facts = JSON.parse(element("facts").textContent);
const PEN = 0.075, STEP = 0.03; // the pen's width and how far an arrow key moves it, in widths of the paper
const MOST_PIXELS = 16e6; // a canvas of more fails on some phones

// -- the network ------------------------------------------------------------------------------------------------------

async function unpacked(id) {
  const packed = Uint8Array.from(atob(element(id).textContent), (letter) => letter.charCodeAt(0));
  element(id).remove();
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function start() {
  for (const needed of ["WebAssembly", "DecompressionStream", "createImageBitmap"]) {
    if (!(needed in window)) throw new Error(`This browser has no ${needed}, which the page needs: try a newer one.`);
  }
  const source = new Blob([await unpacked("engine-script")], { type: "text/javascript" });
  const ort = await import(URL.createObjectURL(source));
  ort.env.wasm.numThreads = 1; // more would need a server that sends special headers; one is enough for this network
  ort.env.wasm.wasmBinary = await unpacked("engine-wasm");
  return { ort, session: await ort.InferenceSession.create(await unpacked("model")) };
}

const engine = start();

// 784 bytes, white on black -> the network's ten probabilities.
async function probabilitiesOf(pixels) {
  const { ort, session } = await engine, raw = facts.input === "pixels";
  const values = raw ? Uint8Array.from(pixels) : Float32Array.from(pixels, (value) => value / 255);
  const answer = await session.run({ image: new ort.Tensor(raw ? "uint8" : "float32", values, [1, 784]) });
  return answer.probabilities.data;
}

// As Prediction in Python: the calibrated probabilities, the digit, and whether it may be none.
function judged(probabilities, doubtful) {
  const softened = Array.from(probabilities, (value) => value ** (1 / facts.temperature)), total = sum(softened);
  const shares = softened.map((value) => value / total), confidence = largest(shares);
  return {
    digit: probabilities.indexOf(largest(probabilities)), shares, confidence, probabilities,
    rejected: doubtful || !(confidence >= facts.reject_below),
  };
}

// ImageData -> the answer, with what the network saw and the milliseconds that both halves took.
async function read(imageData) {
  const before = performance.now(), prepared = examine(imageData), between = performance.now();
  const probabilities = await probabilitiesOf(prepared.pixels), after = performance.now();
  const times = { preparation: between - before, network: after - between };
  return { ...judged(probabilities, prepared.doubtful), pixels: prepared.pixels, times };
}

// A file's pixels as they are in it, upright; a huge one made smaller.
async function pixelsOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", imageOrientation: "from-image" });
  } catch {
    throw new PictureError("This file is no picture that the browser can open: take a PNG or a JPEG.");
  }
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const size = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement("canvas"), { width: size[0], height: size[1] });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, ...size);
  bitmap.close();
  return { canvas, imageData: context.getImageData(0, 0, ...size) };
}

// -- the paper --------------------------------------------------------------------------------------------------------

const paper = element("paper"), context = paper.getContext("2d", { willReadFrequently: true });
let strokes = [], photo = null; // each stroke a list of points, in widths of the paper
let pen = { x: 0.5, y: 0.3, down: false, shown: false }; // the keyboard's

function redraw() {
  const side = paper.width;
  context.fillStyle = getComputedStyle(paper).backgroundColor;
  context.fillRect(0, 0, side, side);
  if (photo) {
    const scale = Math.min(side / photo.canvas.width, side / photo.canvas.height);
    const [width, height] = [photo.canvas.width * scale, photo.canvas.height * scale];
    context.drawImage(photo.canvas, (side - width) / 2, (side - height) / 2, width, height);
  }
  context.strokeStyle = getComputedStyle(paper).color;
  Object.assign(context, { lineWidth: PEN * side, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    context.beginPath();
    for (const { x, y } of [stroke[0], ...stroke]) context.lineTo(x * side, y * side);
    context.stroke();
  }
  element("undo").disabled = element("clear").disabled = !strokes.length && !photo;
}

function showPen() {
  if (!pen.shown) return;
  const side = paper.width, [x, y] = [pen.x * side, pen.y * side];
  Object.assign(context, { lineWidth: 3, strokeStyle: getComputedStyle(document.documentElement).getPropertyValue("--mark") });
  context.beginPath();
  context.arc(x, y, (PEN * side) / 2 + 4, 0, 2 * Math.PI);
  context.stroke();
}

// -- the answer -------------------------------------------------------------------------------------------------------

const bars = count(10).map((digit) => {
  const row = document.createElement("li"), [name, bar, share] = ["span", "div", "span"].map((tag) => document.createElement(tag));
  bar.append(document.createElement("span"));
  const said = { role: "meter", "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0, "aria-label": `Probability of ${digit}` };
  Object.entries(said).forEach(([attribute, value]) => bar.setAttribute(attribute, value));
  name.textContent = digit;
  row.append(name, bar, share);
  element("bars").append(row);
  return { row, bar, share };
});

function say(sentence, wrong = false) {
  element("state").textContent = sentence;
  element("state").classList.toggle("wrong", wrong);
}

function show(answer) {
  element("digit").textContent = answer ? answer.digit : "?";
  element("sure").textContent = !answer ? "" : answer.rejected ? "or no digit at all" : `${(100 * answer.confidence).toFixed(1)}% sure`;
  bars.forEach(({ row, bar, share }, digit) => {
    const value = answer ? answer.shares[digit] : 0;
    row.classList.toggle("best", answer?.digit === digit);
    bar.setAttribute("aria-valuenow", value.toFixed(4));
    bar.firstChild.style.width = `${100 * value}%`;
    share.textContent = answer ? `${(100 * value).toFixed(1)}%` : "";
  });
  const seen = new ImageData(28, 28);
  seen.data.forEach((_, i, data) => (data[i] = i % 4 === 3 ? 255 : answer ? answer.pixels[i >> 2] : 0));
  element("seen").getContext("2d").putImageData(seen, 0, 0);
  element("seen").setAttribute("aria-label", `What the network sees: ${answer ? `a ${answer.digit}, by its answer` : "nothing yet"}`);
  const { preparation, network } = answer?.times ?? {};
  element("time").textContent = answer ? `Made in ${preparation.toFixed(1)} ms, read in ${network.toFixed(1)} ms.` : "";
}

let wanted = 0; // only the last answer asked for is shown

async function answer() {
  const mine = ++wanted;
  redraw();
  const empty = !strokes.length && !photo;
  const imageData = photo && !strokes.length ? photo.imageData : context.getImageData(0, 0, paper.width, paper.width);
  showPen();
  try {
    const found = (await engine) && !empty ? await read(imageData) : null;
    if (mine !== wanted) return;
    show(found);
    say(found ? "Draw on, or clear." : "Ready.");
  } catch (error) {
    if (mine !== wanted) return;
    show(null);
    say(error.message, true);
  }
  if (!planned) element("answer").ariaBusy = "false";
}

let planned = false, rested = 0; // when drawing has had as much time as the last reading took

function answerSoon() { // what is drawn is seen at once, and read as often as drawing stays smooth
  redraw();
  showPen();
  element("answer").ariaBusy = "true";
  if (planned) return;
  planned = true;
  setTimeout(async () => {
    planned = false;
    const before = performance.now();
    await answer();
    rested = 2 * performance.now() - before;
  }, Math.max(0, rested - performance.now()));
}

async function open(file) {
  try {
    photo = await pixelsOf(file);
    strokes = [];
    await answer();
  } catch (error) {
    say(error.message, true);
  }
}

function undo() {
  if (strokes.length) strokes.pop();
  else photo = null;
  answer();
}

function clear() {
  [strokes, photo, pen.down] = [[], null, false];
  answer();
}

// -- mouse, pen, finger, keyboard, files ------------------------------------------------------------------------------

function place(event) {
  const box = paper.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

let drawing = null; // the pointer that draws; others are palms

paper.addEventListener("pointerdown", (event) => {
  if (drawing !== null || event.button) return;
  [drawing, pen.shown, pen.down] = [event.pointerId, false, false];
  paper.setPointerCapture(drawing);
  strokes.push([place(event)]);
  answerSoon();
});
paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== drawing) return;
  strokes.at(-1)?.push(...(event.getCoalescedEvents?.() ?? []).map(place), place(event));
  answerSoon();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId === drawing) drawing = null;
  });
}

const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

paper.addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  if (!move && event.key !== " ") return;
  event.preventDefault();
  pen.shown = true;
  if (event.key === " ") {
    pen.down = !pen.down;
    if (pen.down) strokes.push([{ x: pen.x, y: pen.y }]);
  } else {
    [pen.x, pen.y] = [clip(pen.x + move[0], 0, 1), clip(pen.y + move[1], 0, 1)];
    if (pen.down) strokes.at(-1)?.push({ x: pen.x, y: pen.y });
  }
  answerSoon();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") clear();
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) undo();
});
paper.addEventListener("blur", () => {
  pen.shown = false;
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
  paper.classList.add("over");
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

// For apps and tests: the same from a script. A file or blob -> the answer; 784 bytes -> ten probabilities.
window.mnistEdge = Object.freeze({
  facts, probabilities: probabilitiesOf, readPicture: async (file) => read((await pixelsOf(file)).imageData),
});

show(null);
answer();
