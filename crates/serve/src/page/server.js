"use strict";
// Who is asked: the server that the page came from. The page from a folder has another file in this one's place.

const backend = {
  words: "Read by the server that this page came from.",

  /** What is said of a paper: of each digit on it, for all ten addends. */
  async look(paper) {
    const picture = paper.untouchedPicture;
    const body = picture ? await backend.fileOf(picture) : backend.drawing(paper);
    const question = picture
      ? { path: "v1/predict?each=true&seen=true&feature_maps=true", type: body.type || "application/octet-stream", body }
      : { path: "v1/predict", type: "application/json", body };
    let response;
    try {
      response = await fetch(question.path, { method: "POST", headers: { "content-type": question.type }, body: question.body });
    } catch {
      throw new Error("The server does not answer.");
    }
    const said = await response.json();
    if (!response.ok) throw new Error(said.error.message);
    return said;
  },

  /** The file itself, where the server reads its kind and it was not made smaller; else another one of the same pixels. */
  async fileOf({ bitmap, type, file }) {
    const READ = ["", "image/png", "image/jpeg", "image/webp", "image/bmp"];
    if (file && READ.includes(type)) return file;
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    // A photo as PNG would be ten times as long; only JPEG files are sure to have no transparency.
    return canvas.convertToBlob(type === "image/jpeg" ? { type, quality: 0.95 } : { type: "image/png" });
  },

  drawing(paper) {
    // Not `toBlob`: the browser encodes for it when it has nothing better to do.
    const [, image] = paper.canvas.toDataURL("image/png").split(",");
    return JSON.stringify({ image, each: true, seen: true, feature_maps: true });
  },
};
