"""Opens a page from the disk that has another network in it than the built-in one. `cargo xtask e2e` calls it.

    python crates/serve/tests/browser/other_network.py /usr/bin/chromium target/page 5 3

The numbers are the channels of the network's blocks. What it answers is not looked at: it may have learned nothing.
"""

import argparse
import pathlib
import re

from playwright.sync_api import sync_playwright

from digits import SHAPES
from drawing import IDLE, Hand
from main import ARGUMENTS, DESK, opened


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chromium")
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("channels", type=int, nargs="+")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=ARGUMENTS)
        with opened(browser, (options.page / "index.html").resolve().as_uri(), **DESK) as page:
            hand = Hand(page)
            hand.draw(SHAPES[9][0])
            assert hand.answer != IDLE, "nothing was answered"
            captions = page.locator("#maps figcaption").all_inner_texts()
        browser.close()
    found = [int(number) for caption in captions for number in re.findall(r"(\d+) maps of", caption)]
    assert found == options.channels, captions
    print("disk: another network answers")


if __name__ == "__main__":
    main()
