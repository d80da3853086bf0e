"use strict";
// Who is asked: the network in this folder, as WebAssembly. `MODULE`, the module packed by gzip and in base64, is put
// before this file: a page that was opened from a disk may load scripts, but may not fetch. So is `WEIGHTS`, a weights file
// that takes the place of the module's own, or null.

const backend = {
  words: "Read by the network in this page; nothing leaves it.",

  exports: (async () => {
    const unpacked = (text) => {
      const packed = new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
      return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
    };
    const { instance } = await WebAssembly.instantiate(await unpacked(MODULE)).catch((error) => {
      throw new Error(`This browser does not run the network: ${error.message}`);
    });
    if (WEIGHTS) {
      backend.put(instance.exports, new Uint8Array(await unpacked(WEIGHTS)));
      const length = instance.exports.adder_load();
      if (length) backend.answer(instance.exports, length);
    }
    return instance.exports;
  })(),

  /** What is said of a paper: of each digit on it, for all ten addends. */
  async look(paper) {
    const picture = paper.untouchedPicture;
    const { width, height, data } = picture ? backend.pixelsOf(picture.bitmap) : paper.pixels;
    const exports = await backend.exports;
    backend.put(exports, data);
    return backend.answer(exports, exports.adder_look(width, height, 1));
  },

  put({ memory, adder_reserve }, bytes) {
    const room = adder_reserve(bytes.length);
    // The memory's buffer is another one whenever it has grown.
    new Uint8Array(memory.buffer, room, bytes.length).set(bytes);
  },

  answer({ memory, adder_answer }, length) {
    const said = JSON.parse(new TextDecoder().decode(new Uint8Array(memory.buffer, adder_answer(), length)));
    if (said.error) throw new Error(said.error.message);
    return said;
  },

  pixelsOf(bitmap) {
    const size = [bitmap.width, bitmap.height];
    const pen = new OffscreenCanvas(...size).getContext("2d", { willReadFrequently: true });
    pen.drawImage(bitmap, 0, 0);
    return pen.getImageData(0, 0, ...size);
  },
};
