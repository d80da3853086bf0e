"use strict";
// Draws, asks the server after every stroke, and shows what it says. Nothing is kept and nothing else is fetched.

const element = (id) => document.getElementById(id);
const paper = element("paper"), pen = paper.getContext("2d");
const STROKE = 18, KEY_STEP = 8;

/** Strokes as lists of points; a picture that was opened lies under them. */
let strokes = [], picture = null, file = null, answer = null, latest = 0;

function redraw() {
  const styles = getComputedStyle(document.documentElement);
  pen.fillStyle = styles.getPropertyValue("--paper");
  pen.fillRect(0, 0, paper.width, paper.height);
  if (picture) {
    const scale = Math.min(paper.width / picture.width, paper.height / picture.height);
    const width = picture.width * scale, height = picture.height * scale;
    pen.drawImage(picture, (paper.width - width) / 2, (paper.height - height) / 2, width, height);
  }
  pen.strokeStyle = styles.getPropertyValue("--text");
  pen.lineWidth = STROKE;
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) {
    pen.beginPath();
    pen.moveTo(...stroke[0]);
    for (const point of stroke) pen.lineTo(...point);
    pen.stroke();
  }
}

function place(event) {
  const box = paper.getBoundingClientRect();
  return [(event.clientX - box.left) * paper.width / box.width, (event.clientY - box.top) * paper.height / box.height];
}

/** Asks for all ten addends at once: choosing another one needs no second question. */
async function ask() {
  const turn = ++latest;
  if (!strokes.length && !file) return show(null);
  // A picture that was only opened goes as it is; a drawing goes as the canvas.
  const body = file && !strokes.length ? file : await new Promise((done) => paper.toBlob(done, "image/png"));
  try {
    const response = await fetch("v1/predict?seen=true", { method: "POST", headers: { "content-type": "image/png" }, body });
    const said = await response.json();
    if (turn !== latest) return;
    response.ok ? show(said) : complain(said.error.message);
  } catch {
    if (turn === latest) complain("The server does not answer.");
  }
}

let waiting = false;
function askSoon() {
  if (waiting) return;
  waiting = true;
  setTimeout(() => { waiting = false; ask(); }, 60);
}

function complain(message) {
  show(null);
  element("answer").textContent = message;
}

const addend = () => Number(document.querySelector("input[name=addend]:checked").value);
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function bars(list, rows) {
  list.replaceChildren(...rows.map(({ label, share, current }) => {
    const row = document.createElement("li"), name = document.createElement("span");
    const bar = document.createElement("progress"), value = document.createElement("output");
    name.textContent = label;
    bar.value = share;
    bar.setAttribute("aria-label", label);
    value.textContent = percent(share);
    if (current) row.setAttribute("aria-current", "true");
    row.append(name, bar, value);
    return row;
  }));
}

function show(said) {
  answer = said;
  const pixels = said ? said.seen : new Array(784).fill(0);
  const image = new ImageData(28, 28);
  pixels.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
  element("seen").getContext("2d").putImageData(image, 0, 0);
  element("warnings").textContent = said ? said.warnings.join("; ") : "";
  const shares = said ? said.digit_probabilities : new Array(10).fill(0);
  bars(element("digits"), shares.map((share, digit) => ({ label: `${digit}`, share, current: said && digit === said.digit })));
  showSums();
}

function showSums() {
  const chosen = addend(), sums = answer ? answer.sums : [];
  const rows = Array.from({ length: 10 }, (_, add) => {
    const sum = sums[add]?.sum;
    return {
      label: sum === undefined ? `+ ${add}` : `+ ${add} = ${sum}`,
      share: sum === undefined ? 0 : sums[add].sum_probabilities[sum],
      current: add === chosen,
    };
  });
  bars(element("sums"), rows);
  element("answer").textContent = answer
    ? `${answer.digit} + ${chosen} = ${sums[chosen].sum}`
    : "Draw, or drop a picture here.";
}

function clear() {
  strokes = [];
  picture = file = null;
  redraw();
  ask();
}

function undo() {
  if (strokes.length) strokes.pop(); else picture = file = null;
  redraw();
  ask();
}

async function open(chosen) {
  if (!chosen) return;
  try {
    const bitmap = await createImageBitmap(chosen);
    [strokes, picture, file] = [[], bitmap, chosen];
    redraw();
    ask();
  } catch {
    complain("This is no picture that the browser can open.");
  }
}

let drawing = false;
paper.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  drawing = true;
  paper.setPointerCapture(event.pointerId);
  strokes.push([place(event)]);
  redraw();
});
paper.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const events = event.getCoalescedEvents?.() ?? [];
  strokes.at(-1).push(...(events.length ? events : [event]).map(place));
  redraw();
  askSoon();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, () => { if (drawing) { drawing = false; ask(); } });
}

// The pen of the keyboard: a square shows where it is.
let cursor = [140, 140], down = false;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function showCursor() {
  redraw();
  pen.lineWidth = 2;
  pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  pen.strokeRect(cursor[0] - 5, cursor[1] - 5, 10, 10);
}
paper.addEventListener("keydown", (event) => {
  const move = MOVES[event.key];
  if (move) {
    cursor = cursor.map((at, axis) => Math.min(270, Math.max(10, at + KEY_STEP * move[axis])));
    if (down) strokes.at(-1).push([...cursor]);
  } else if (event.key === " ") {
    down = !down;
    if (down) strokes.push([[...cursor]]);
  } else return;
  event.preventDefault();
  redraw();
  ask().then(showCursor);
});
paper.addEventListener("blur", () => { down = false; redraw(); });

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z") undo();
  else if (event.key === "Delete") clear();
  else return;
  event.preventDefault();
});
element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", clear);
element("file").addEventListener("change", (event) => { open(event.target.files[0]); event.target.value = ""; });
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  open(event.dataTransfer.files[0]);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { redraw(); ask(); });

for (let value = 0; value < 10; value++) {
  const label = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
  Object.assign(input, { type: "radio", name: "addend", value, checked: value === 7 });
  text.textContent = value;
  input.addEventListener("change", showSums);
  label.append(input, text);
  element("addends").append(label);
}
redraw();
show(null);
