"use strict";
// Puts paper, backend and view together. Nothing is kept and nothing else is fetched.

const view = new View();
const paper = new Paper(element("paper"), element("cursor"), ask);

const addend = () => Number(document.querySelector("input[name=addend]:checked").value);

/** One question at a time; what changes meanwhile is asked next, and only as it is by then. */
let asking = false, changed = false;
async function ask() {
  changed = true;
  if (asking) return;
  asking = true;
  while (changed) {
    changed = false;
    try {
      const { frame } = paper;
      view.show(paper.isEmpty ? null : await backend.look(paper), addend(), frame);
    } catch (error) {
      view.complain(error.message, addend());
    }
  }
  asking = false;
}

/** The number of files that are being decoded, which takes a second of a large photo. */
let opening = 0;
async function open(file) {
  if (!file) return;
  opening++;
  try {
    await paper.open(file);
  } catch {
    view.complain(await whyNot(file), addend());
  }
  opening--;
}

/** Kinds of files by how they begin, their bytes read as letters. */
const KINDS = [
  [/^....ftyp(heic|heix|heim|heis|hevc|hevx|mif1(?!.*avif))/s, "a HEIC photo", "Save it as JPEG, or let the phone take photos in its most compatible format."],
  [/^....ftyp/s, "an AVIF picture or a film", "Save it as PNG or JPEG."],
  [/^(II[*+]\0|MM\0[*+])/, "a TIFF picture or a camera's raw file", "Save it as PNG or JPEG."],
  [/^(\xff\x0a|\0\0\0\x0cJXL )/, "a JPEG XL picture", "Save it as PNG or JPEG."],
  [/^%PDF/, "a PDF file", "Export its page as PNG."],
];

/** What a file is that the browser cannot open. */
async function whyNot(file) {
  const bytes = await file.slice(0, 64).arrayBuffer().catch(() => new ArrayBuffer(0));
  const beginning = String.fromCharCode(...new Uint8Array(bytes));
  const kind = KINDS.find(([begins]) => begins.test(beginning));
  return kind ? `This is ${kind[1]}, which this browser cannot open. ${kind[2]}` : "This is no picture that the browser can open.";
}

for (let value = 0; value < 10; value++) {
  const label = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
  Object.assign(input, { type: "radio", name: "addend", value, checked: value === 7 });
  text.textContent = value;
  input.addEventListener("change", () => view.choose(value));
  label.append(input, text);
  element("addends").append(label);
}

document.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key === "z") paper.undo();
  else if (event.key === "Delete") paper.clear();
  else if (!command && !event.altKey && /^[0-9]$/.test(event.key)) document.querySelector(`#addends input[value="${event.key}"]`).click();
  else return;
  event.preventDefault();
});
element("undo").addEventListener("click", () => paper.undo());
element("clear").addEventListener("click", () => paper.clear());
element("file").addEventListener("change", ({ target }) => { open(target.files[0]); target.value = ""; });

document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  open(event.dataTransfer.files[0]);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { paper.redraw(); ask(); });

element("where").textContent = backend.words;
view.show(null, addend());
