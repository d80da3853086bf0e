"""Opens the report of a finished run in Chromium: its parts and figures, a phone's width, the dark, paper, and the mistakes.

    adder report runs/RUN
    pip install playwright
    python crates/report/tests/browser/report.py runs/RUN/report.html /usr/bin/chromium [FOLDER_FOR_SCREENSHOTS]
"""

import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

PARTS = ["Evaluation", "Training", "Data", "Errors", "Mistakes", "Inside", "Network", "How it was made"]
FIGURES = [
    "training-loss", "training-accuracy", "validation-loss", "validation-accuracy", "training-and-validation",
    "learning-rate", "samples-training", "samples-validation", "samples-evaluation", "confusion-digit", "errors",
    "confusion-sum", "reliability", "predictions", "embedding", "kernels", "feature-maps",
]  # fmt: skip
# Mistakes on a page of them.
PAGE = 24
# What fits between the margins of a sheet of A4 or Letter, in CSS pixels.
PAPER = (688, 930)

# Texts that leave their figure or lie on one another. Points of the embedding are drawn as digits and may.
FAULTS = """() => [...document.querySelectorAll("[data-figure]")].flatMap((figure) => {
    const frame = figure.querySelector("svg").getBoundingClientRect();
    const texts = [...figure.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    const name = figure.dataset.figure;
    const faults = texts.filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - 1 || box.bottom > frame.bottom + 1).map(([words]) => `${name}: "${words}" is cut`);
    if (name === "embedding") return faults;
    // The boxes of texts have room for accents and descenders.
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.3 * Math.min(a.height, b.height);
    texts.forEach(([words, box], place) => texts.slice(place + 1).forEach(([others, other]) => {
        if (meet(box, other)) faults.push(`${name}: "${words}" lies on "${others}"`);
    }));
    return faults;
})"""


def brightness(page):
    """Of the page's background, 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))) / 3


def check_whole(page):
    """Nothing is missing, cut, or wider than the window."""
    found = page.locator("h2").all_text_contents()
    assert found == PARTS, found
    figures = page.locator("[data-figure]").evaluate_all("all => all.map((figure) => figure.dataset.figure)")
    # Of the momentum there is something to see only where the schedule moves it.
    assert sorted(set(figures) - {"momentum"}) == sorted(FIGURES), set(figures) ^ set(FIGURES)
    for figure in page.locator("[data-figure] svg").all():
        box = figure.bounding_box()
        assert box and box["width"] > 100 and box["height"] > 50, box
    assert page.evaluate("document.fonts.check('600 16px Inter')"), "the font is in the page"
    faults = page.evaluate(FAULTS)
    assert not faults, faults
    width, wide = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
    assert wide <= width, f"the page is {wide} px wide in a window of {width}"


def check_mistakes(page):
    """They are turned page by page and chosen by digit."""
    tiles = page.locator(".mistakes .tile")
    total, status = tiles.count(), page.locator(".pager [role=status]")
    shown, chosen = page.locator(".mistakes .tile:visible"), page.locator(".pager select")
    back, on = page.get_by_role("button", name="Previous"), page.get_by_role("button", name="Next")
    expect(status).to_have_text(f"1\u2013{min(PAGE, total)} of {total}")
    expect(back).to_be_disabled()
    first = shown.first.text_content()
    seen = shown.count()
    while on.is_enabled():
        on.click()
        seen += shown.count()
    assert seen == total, f"{seen} of {total} mistakes on the pages"
    while back.is_enabled():
        back.click()
    expect(shown.first).to_have_text(first)
    digit = tiles.first.get_attribute("data-digit")
    chosen.select_option(digit)
    digits = set(shown.evaluate_all("all => all.map((tile) => tile.dataset.digit)"))
    assert digits == {digit}, digits
    chosen.select_option("")
    return total


def check_paper(page):
    """Light whatever the reader's system, nothing higher or wider than a sheet, nothing that only a screen can do."""
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": PAPER[0], "height": PAPER[1]})
    assert brightness(page) == 255, "paper is white"
    for figure in page.locator("[data-figure], .tile:visible, .card").all():
        box = figure.bounding_box()
        assert box["height"] <= PAPER[1] and box["width"] <= PAPER[0], (figure.get_attribute("data-figure"), box)
    expect(page.locator(".pager")).to_be_hidden()
    scrolled = page.evaluate("""[...document.querySelectorAll("pre, .scroll, .drawing")]
        .filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.outerHTML.slice(0, 80))""")
    assert not scrolled, scrolled


def main(report, chromium, screenshots=None):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        complaints, fetched = [], []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        address = Path(report).resolve().as_uri()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in ("light", "dark"):
                page.emulate_media(media="screen", color_scheme=scheme)
                page.goto(address)
                check_whole(page)
                assert (brightness(page) > 128) == (scheme == "light"), scheme
                mistakes = check_mistakes(page)
                if screenshots:
                    page.screenshot(path=Path(screenshots) / f"report-{width}-{scheme}.png", full_page=True)
        check_paper(page)
        others = {url for url in fetched if url != address and not url.startswith("data:")}
        assert not others, others
        assert not complaints, complaints
        print(f"{len(PARTS)} parts, {len(FIGURES)} figures, {mistakes} mistakes, at 1280 and 390 px and on paper")


if __name__ == "__main__":
    main(*sys.argv[1:])
