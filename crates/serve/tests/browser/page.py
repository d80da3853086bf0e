"""Draws the ten digits on the served page in Chromium and reads the answers; then a phone's size, the dark, and the keyboard.

    adder serve --addr 127.0.0.1:8080 runs/RUN
    pip install playwright
    python crates/serve/tests/browser/page.py http://127.0.0.1:8080/ /usr/bin/chromium [SCREENSHOT.png]
"""

import sys

from playwright.sync_api import expect, sync_playwright

# Corners of strokes on the 280 x 280 canvas.
DIGITS = {
    0: [[(140, 50), (90, 90), (80, 150), (100, 210), (140, 230), (180, 210), (200, 150), (190, 90), (140, 50)]],
    1: [[(140, 50), (140, 230)]],
    2: [[(90, 90), (140, 50), (190, 90), (150, 150), (85, 225), (200, 225)]],
    3: [[(90, 70), (140, 50), (185, 80), (140, 130), (190, 180), (140, 225), (85, 200)]],
    4: [[(110, 50), (80, 150), (200, 150)], [(170, 80), (170, 235)]],
    5: [[(190, 55), (100, 55), (95, 130), (160, 125), (195, 175), (150, 225), (90, 210)]],
    6: [[(170, 50), (110, 120), (90, 190), (140, 230), (185, 190), (140, 150), (95, 180)]],
    7: [[(80, 60), (200, 60), (130, 230)]],
    8: [[(140, 50), (95, 85), (140, 135), (190, 185), (140, 230), (90, 185), (140, 135), (185, 85), (140, 50)]],
    9: [[(185, 90), (140, 130), (95, 90), (140, 50), (185, 90), (175, 160), (150, 230)]],
}


def draw(page, strokes):
    box = page.locator("#paper").bounding_box()
    scale = box["width"] / 280
    for stroke in strokes:
        points = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=6)
        page.mouse.up()


def main(url, chromium, screenshot=None):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 1000})
        complaints = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        answer = page.locator("#answer")
        for digit, strokes in DIGITS.items():
            draw(page, strokes)
            expect(answer).to_have_text(f"{digit} + 7 = {digit + 7}")
            page.locator("#clear").click()
            expect(answer).to_have_text("Draw, or drop a picture here.")
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        page.focus("#paper")
        for key, times in (("ArrowUp", 9), (" ", 1), ("ArrowDown", 20)):
            for _ in range(times):
                page.keyboard.press(key)
        expect(answer).to_have_text("1 + 7 = 8")
        page.focus("input[name=addend]:checked")
        page.keyboard.press("ArrowRight")
        expect(answer).to_have_text("1 + 8 = 9")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits a phone"
        if screenshot:
            page.screenshot(path=screenshot, full_page=True)
        assert not complaints, complaints
        print(f"{len(DIGITS)} of {len(DIGITS)} digits read right")


if __name__ == "__main__":
    main(*sys.argv[1:])
