"use strict";
// The paper: strokes by mouse, pen, finger or keyboard, over a picture or over nothing. It reports changes and keeps nothing.

class Paper {
  static #STROKE = 18;
  /** Of more pixels on a side nothing more of a digit would be seen: photos are made smaller before anybody is asked. */
  static #MOST = 1600;
  static #KEY_STEP = 8;
  static #KEY_MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  /** Lists of points. */
  #strokes = [];
  /** A bitmap, its media type, and the file that it came from, or null where it was made smaller; it lies under the strokes. */
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

  /** Where what is looked at lies on the paper: its left upper corner, in shares of the paper's sides, and the share of a pixel. */
  get frame() {
    const picture = this.untouchedPicture, { width, height } = this.canvas;
    if (!picture) return { left: 0, top: 0, across: 1 / width, down: 1 / height };
    const { left, top, scale } = this.#fit(picture.bitmap);
    return { left: left / width, top: top / height, across: scale / width, down: scale / height };
  }

  /** Fails where the browser cannot decode the file. Photos are turned as the camera was held. */
  async open(file) {
    const whole = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Paper.#MOST / Math.max(whole.width, whole.height);
    const picture = { bitmap: whole, type: file.type, file };
    if (scale < 1) {
      const [width, height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
      // In one step a browser would take few of the many pixels that fall on one, and a thin pen would be lost.
      picture.bitmap = await createImageBitmap(whole, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
      picture.file = null;
      whole.close();
    }
    [this.#strokes, this.#picture] = [[], picture];
    this.#update();
  }

  /** As large as the paper, in its middle. */
  #fit({ width, height }) {
    const { canvas } = this, scale = Math.min(canvas.width / width, canvas.height / height);
    return { left: (canvas.width - width * scale) / 2, top: (canvas.height - height * scale) / 2, scale };
  }

  redraw() {
    const { canvas, pen } = this, styles = getComputedStyle(canvas);
    pen.fillStyle = styles.getPropertyValue("--paper");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    if (this.#picture) {
      const { bitmap } = this.#picture, { left, top, scale } = this.#fit(bitmap);
      pen.drawImage(bitmap, left, top, bitmap.width * scale, bitmap.height * scale);
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
