"""Pictures that the browser itself draws, and puts on the page as a person does."""

import base64

from drawing import Hand

# Strokes with their place and scale on light paper with some grain, as a file in base64.
DRAW = """([width, height, digits, type]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), pen = canvas.getContext("2d");
  pen.fillStyle = "#e6e2d8";
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = "#e2ded4";
  for (let at = 0; at < 4000; at++) pen.fillRect(at * 7919 % width, at * 104729 % height, 1, 1);
  pen.strokeStyle = "#20242c";
  pen.lineCap = pen.lineJoin = "round";
  for (const [strokes, left, top, scale] of digits) {
    pen.lineWidth = 18 * scale;
    for (const stroke of strokes) {
      pen.beginPath();
      for (const [x, y] of stroke) pen.lineTo(left + scale * x, top + scale * y);
      pen.stroke();
    }
  }
  return canvas.toDataURL(type, 0.9).split(",")[1];
}"""


def drawn(page, width, height, digits, media="image/png"):
    """The bytes of a picture file; `digits` are strokes with their left, top and scale."""
    return base64.b64decode(page.evaluate(DRAW, [width, height, digits, media]))


def put(page, content, media):
    """Opens a file on the page and waits for what is said of it."""
    page.set_input_files("#file", {"name": "picture", "mimeType": media, "buffer": content})
    Hand(page).settle()
