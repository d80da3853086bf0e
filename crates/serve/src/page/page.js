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
      view.show(paper.isEmpty ? null : await backend.look(paper), addend());
    } catch (error) {
      view.complain(error.message, addend());
    }
  }
  asking = false;
}

async function open(file) {
  if (!file) return;
  try {
    await paper.open(file);
  } catch {
    view.complain("This is no picture that the browser can open.", addend());
  }
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
  else if (!command && !event.altKey && /^[0-9]$/.test(event.key)) document.querySelector(`input[value="${event.key}"]`).click();
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
