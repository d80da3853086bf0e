"""Draws on the page in Chromium, as it is served and as a folder. `cargo xtask e2e` calls it.

    python crates/serve/tests/browser/main.py --chromium /usr/bin/chromium --page target/page --adder target/release/adder
"""

import argparse
import contextlib
import pathlib

from playwright.sync_api import sync_playwright

import checks
import servers
from digits import SHAPES
from drawing import WATCH, Hand

DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@contextlib.contextmanager
def opened(browser, url, **device):
    """A page that must not complain while it is used."""
    context = browser.new_context(**device)
    context.add_init_script(WATCH)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    yield page
    context.close()
    assert not complaints, complaints


def check_home(browser, url, name, shots):
    for check in checks.ON_A_DESK:
        with opened(browser, url, **DESK) as page:
            check(page, name)
        print(f"{name}: {check.__name__}")
    for scheme in ("light", "dark"):
        with opened(browser, url, color_scheme=scheme, **PHONE) as page:
            checks.a_finger_draws_on_a_phone(page, name)
            if shots:
                page.screenshot(path=shots / f"{name}-phone-{scheme}.png", full_page=True)
        with opened(browser, url, color_scheme=scheme, **DESK) as page:
            hand = Hand(page)
            hand.draw(SHAPES[4][0])
            assert hand.answer == "4 + 7 = 11", (scheme, hand.answer)
            if shots:
                page.screenshot(path=shots / f"{name}-desk-{scheme}.png", full_page=True)
        print(f"{name}: {scheme}")


def from_disk(browser, path):
    with opened(browser, (path / "index.html").resolve().as_uri(), **DESK) as page:
        hand = Hand(page)
        hand.draw(SHAPES[9][0])
        assert hand.answer == "9 + 7 = 16", hand.answer
    print("disk: a digit is read")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", required=True)
    parser.add_argument("--page", required=True, type=pathlib.Path)
    parser.add_argument("--adder", required=True)
    parser.add_argument("--shots", type=pathlib.Path, help="a folder for pictures of the pages")
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=options.chromium, args=ARGUMENTS)
        stack.callback(browser.close)
        served = stack.enter_context(servers.served(options.adder))
        folder = stack.enter_context(servers.folder(options.page))
        check_home(browser, served, "server", options.shots)
        check_home(browser, folder, "folder", options.shots)
        from_disk(browser, options.page)
        with opened(browser, served, **DESK) as one, opened(browser, folder, **DESK) as other:
            checks.both_say_the_same(one, other)


if __name__ == "__main__":
    main()
