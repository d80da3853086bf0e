"use strict";
// What is shown of an answer: words, bars, the network's own image and its feature maps.

const element = (id) => document.getElementById(id);

/** Matplotlib's viridis, from a few of its values: even in brightness, readable with any colour vision. */
const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];
const SHADES = Array.from({ length: 256 }, (_, shade) => {
  const along = shade / 255 * (VIRIDIS.length - 1), before = Math.min(Math.floor(along), VIRIDIS.length - 2);
  return VIRIDIS[before].map((from, channel) => from + (along - before) * (VIRIDIS[before + 1][channel] - from));
});

class View {
  static #IDLE = "Draw, or drop a picture here.";
  static #MAPS_IN_A_ROW = 8;

  /** The answers for the digits that were found, from left to right, and which of them is shown with its inside. */
  #parts = [];
  #shown = 0;
  /** What is said where there is no answer. */
  #words = View.#IDLE;
  #addend = 0;

  /** Shows what was found, or that nothing was asked, for the chosen addend; `frame` is where what was looked at lies on the paper. */
  show(answer, addend, frame) {
    this.#parts = answer?.parts ?? [];
    this.#words = answer?.reason ?? View.#IDLE;
    const several = this.#parts.length > 1;
    const warnings = this.#parts.flatMap((part, at) => part.warnings.map((words) => several ? `digit ${at + 1}: ${words}` : words));
    element("warnings").textContent = warnings.join("; ");
    this.#offer(several ? this.#parts : []);
    View.#frame(several ? this.#parts : [], frame);
    this.#addend = addend;
    this.#showPart(0);
  }

  /** Shows the same answers for another addend: all ten are there. */
  choose(addend) {
    this.#addend = addend;
    const sums = this.#parts[this.#shown]?.sums;
    const rows = Array.from({ length: 10 }, (_, add) => {
      const said = sums?.[add];
      return {
        label: said ? `+ ${add} = ${said.sum}` : `+ ${add}`,
        share: said ? said.sum_probabilities[said.sum] : 0,
        current: add === addend,
      };
    });
    View.#bars(element("sums"), rows);
    const answers = this.#parts.map((part) => `${part.digit} + ${addend} = ${part.sums[addend].sum}`);
    View.#say(answers.join(", ") || this.#words);
  }

  complain(message, addend) {
    this.show(null, addend);
    View.#say(message);
  }

  #showPart(at) {
    this.#shown = at;
    const part = this.#parts[at];
    View.#grey(element("seen"), part?.seen ?? new Array(784).fill(0));
    const shares = part?.digit_probabilities ?? new Array(10).fill(0);
    View.#bars(element("digits"), shares.map((share, digit) => ({ label: `${digit}`, share, current: digit === part?.digit })));
    this.#maps(part?.feature_maps ?? []);
    this.choose(this.#addend);
  }

  /** A choice among the digits whose inside may be shown. */
  #offer(parts) {
    const choice = element("parts");
    choice.hidden = !parts.length;
    choice.replaceChildren(choice.firstElementChild, ...parts.map(({ digit }, at) => {
      const label = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
      Object.assign(input, { type: "radio", name: "part", value: at, checked: at === 0, ariaLabel: `digit ${at + 1}, a ${digit}` });
      text.textContent = digit;
      input.addEventListener("change", () => this.#showPart(at));
      label.append(input, text);
      return label;
    }));
  }

  /** Boxes around digits, beside the canvas and not on it: the network shall not see them. */
  static #frame(parts, frame) {
    element("boxes").replaceChildren(...parts.map(({ box }) => {
      const span = document.createElement("span"), percent = (share) => `${100 * share}%`;
      span.style.left = percent(frame.left + box.left * frame.across);
      span.style.top = percent(frame.top + box.top * frame.down);
      span.style.width = percent(box.width * frame.across);
      span.style.height = percent(box.height * frame.down);
      return span;
    }));
  }

  /** Said aloud only where it changes. */
  static #say(words) {
    const answer = element("answer");
    if (answer.textContent !== words) answer.textContent = words;
  }

  static #bars(list, rows) {
    if (!list.children.length) list.append(...rows.map(View.#emptyBar));
    rows.forEach(({ label, share, current }, at) => {
      const row = list.children[at], [name, bar, value] = row.children;
      if (current) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      name.textContent = label;
      bar.value = share;
      bar.setAttribute("aria-label", label);
      value.textContent = `${(100 * share).toFixed(1)} %`;
    });
  }

  static #emptyBar() {
    const row = document.createElement("li");
    row.append(document.createElement("span"), document.createElement("progress"), document.createElement("output"));
    return row;
  }

  static #grey(canvas, pixels) {
    const image = new ImageData(28, 28);
    pixels.forEach((value, at) => image.data.set([value, value, value, 255], 4 * at));
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  #maps(blocks) {
    const place = element("maps");
    if (place.children.length !== blocks.length) {
      place.replaceChildren(...blocks.map(View.#emptyMaps));
    }
    blocks.forEach((block, at) => View.#paint(place.children[at].querySelector("canvas"), block));
  }

  static #emptyMaps({ channels, height, width }, at) {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption");
    const canvas = document.createElement("canvas");
    const words = `Block ${at + 1}: ${channels} maps of ${height} × ${width}`;
    caption.textContent = words;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", words);
    figure.append(caption, canvas);
    return figure;
  }

  /** All maps of a block on one canvas, a pixel apart; what is not a map stays transparent. */
  static #paint(canvas, { channels, height, width, pixels }) {
    const columns = Math.min(channels, View.#MAPS_IN_A_ROW), rows = Math.ceil(channels / columns);
    canvas.width = columns * (width + 1) - 1;
    canvas.height = rows * (height + 1) - 1;
    const image = new ImageData(canvas.width, canvas.height);
    pixels.forEach((shade, at) => {
      const channel = Math.floor(at / (height * width)), pixel = at % (height * width);
      const x = channel % columns * (width + 1) + pixel % width;
      const y = Math.floor(channel / columns) * (height + 1) + Math.floor(pixel / width);
      const [red, green, blue] = SHADES[shade], target = 4 * (y * canvas.width + x);
      image.data[target] = red;
      image.data[target + 1] = green;
      image.data[target + 2] = blue;
      image.data[target + 3] = 255;
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}
