"""Hands on the page: strokes by mouse and by finger, and what comes of them."""

import time

IDLE = "Draw, or drop a picture here."

# Times from the end of a stroke to the last change of the bars, in milliseconds.
WATCH = """
addEventListener("pointerup", () => { window.lifted = performance.now(); }, true);
addEventListener("DOMContentLoaded", () => {
  const seen = () => { window.answered = performance.now(); };
  new MutationObserver(seen).observe(document.getElementById("digits"), { attributes: true, childList: true, subtree: true });
});
"""


class Hand:
    """Draws on a page that was opened with WATCH."""

    def __init__(self, page):
        self.page = page

    def draw(self, strokes):
        for stroke in strokes:
            points = self._on_screen(stroke)
            self.page.mouse.move(*points[0])
            self.page.mouse.down()
            for point in points[1:]:
                self.page.mouse.move(*point, steps=4)
            self.page.mouse.up()
        self.settle()

    def touch(self, strokes):
        """The same by finger."""
        fingers = self.page.context.new_cdp_session(self.page)
        for stroke in strokes:
            for number, (x, y) in enumerate(self._on_screen(stroke)):
                kind = "touchMove" if number else "touchStart"
                fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
            fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.settle()

    def settle(self):
        """Waits until no file is being opened and nothing is asked any more."""
        end = time.monotonic() + 60
        while self.page.evaluate("asking || opening > 0"):
            assert time.monotonic() < end, "the page goes on asking"

    @property
    def answer(self):
        return self.page.locator("#answer").inner_text()

    @property
    def milliseconds(self):
        return self.page.evaluate("answered - lifted")

    def clear(self):
        self.page.locator("#clear").click()
        self.settle()
        assert self.answer == IDLE, self.answer

    def _on_screen(self, stroke):
        box = self.page.locator("#paper").bounding_box()
        return [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in stroke]
