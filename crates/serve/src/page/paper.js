"use strict";
// The paper: strokes by mouse, pen, finger or keyboard, over a picture or over nothing. It reports changes and keeps nothing.

class Paper {
  static #STROKE = 18;
  static #KEY_STEP = 8;
  static #KEY_MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /** Lists of points. */
  #strokes = [];
  /** A bitmap and the file that it came from; it lies under the strokes. */
  #picture = null;
  #drawing = false;
  /** Where the keyboard's pen is, and whether it writes. */
  #cursor = [140, 140];
  #lowered = false;

  /** `cursor` is the element that shows where the keyboard's pen is; `changed` is called after every change. */
  constructor(canvas, cursor, changed) {
    this.canvas = canvas;
    this.cursor = cursor;
    this.changed = changed;
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.#listen();
    this.redraw();
  }

  get isEmpty() {
    return !this.#strokes.length && !this.#picture;
  }

  /** The picture, where it was opened and nothing drawn on it. */
  get untouchedPicture() {
    return this.#strokes.length ? null : this.#picture;
  }

  get pixels() {
    return this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  undo() {
    if (this.#strokes.length) this.#strokes.pop();
    else this.#picture = null;
    this.#update();
  }

  clear() {
    [this.#strokes, this.#picture] = [[], null];
    this.#update();
  }

  /** Fails where the browser cannot decode the file. */
  async open(file) {
    const bitmap = await createImageBitmap(file);
    [this.#strokes, this.#picture] = [[], { bitmap, file }];
    this.#update();
  }

  redraw() {
    const { canvas, pen } = this, styles = getComputedStyle(canvas);
    pen.fillStyle = styles.getPropertyValue("--paper");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    if (this.#picture) {
      const { bitmap } = this.#picture;
      const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      pen.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
    }
    pen.strokeStyle = styles.getPropertyValue("--text");
    pen.lineWidth = Paper.#STROKE;
    pen.lineCap = pen.lineJoin = "round";
    for (const stroke of this.#strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const point of stroke) pen.lineTo(...point);
      pen.stroke();
    }
  }

  #update() {
    this.redraw();
    this.changed();
  }

  #place({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect(), { clientLeft, clientTop, clientWidth, clientHeight } = this.canvas;
    return [
      (clientX - box.left - clientLeft) * this.canvas.width / clientWidth,
      (clientY - box.top - clientTop) * this.canvas.height / clientHeight,
    ];
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || this.#drawing) return;
      this.#drawing = true;
      canvas.setPointerCapture(event.pointerId);
      this.#strokes.push([this.#place(event)]);
      this.#update();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.#drawing) return;
      const between = event.getCoalescedEvents?.() ?? [];
      this.#strokes.at(-1)?.push(...(between.length ? between : [event]).map((each) => this.#place(each)));
      this.#update();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => {
        if (!this.#drawing) return;
        this.#drawing = false;
        this.#update();
      });
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("blur", () => {
      this.#lowered = false;
      this.cursor.hidden = true;
    });
  }

  #key(event) {
    const move = Paper.#KEY_MOVES[event.key];
    if (move) {
      this.#cursor = this.#cursor.map((at, axis) => Math.min(270, Math.max(10, at + Paper.#KEY_STEP * move[axis])));
      if (this.#lowered) this.#strokes.at(-1)?.push([...this.#cursor]);
    } else if (event.key === " ") {
      this.#lowered = !this.#lowered;
      if (this.#lowered) this.#strokes.push([[...this.#cursor]]);
    } else return;
    event.preventDefault();
    this.#update();
    this.#showCursor();
  }

  /** Beside the canvas, not on it: the network shall not see it. */
  #showCursor() {
    const percent = (at, side) => `${100 * at / side}%`;
    this.cursor.hidden = document.activeElement !== this.canvas;
    this.cursor.style.left = percent(this.#cursor[0], this.canvas.width);
    this.cursor.style.top = percent(this.#cursor[1], this.canvas.height);
    this.cursor.classList.toggle("lowered", this.#lowered);
  }
}
