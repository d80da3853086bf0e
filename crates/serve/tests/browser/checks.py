"""What both pages must do. Each check gets a fresh page and raises where it does not hold."""

import base64
import collections
import statistics
import struct

import pictures
from digits import SHAPES, all_digits
from drawing import IDLE, Hand

SHARE_RIGHT = 0.9


def digits_are_read(page, name):
    """Every digit in every style; prints the shares by style and the times."""
    hand, right, asked, times = Hand(page), collections.Counter(), collections.Counter(), []
    wrong = []
    for style, digit, strokes in all_digits():
        hand.draw(strokes)
        times.append(hand.milliseconds)
        asked[style] += 1
        if hand.answer == f"{digit} + 7 = {digit + 7}":
            right[style] += 1
        else:
            wrong.append(f"{style} {digit}: {hand.answer}")
        hand.clear()
    styles = ", ".join(f"{style} {right[style]}/{count}" for style, count in asked.items())
    share = right.total() / asked.total()
    print(f"{name}: {right.total()} of {asked.total()} digits read right ({styles}); wrong: {wrong}")
    tenths = statistics.quantiles(times, n=20)
    print(f"{name}: from the stroke's end to the answer {statistics.median(times):.1f} ms, 95 % within {tenths[-1]:.1f} ms")
    assert share >= SHARE_RIGHT, f"{share:.1%} read right"


def the_addend_is_chosen(page, _):
    hand = Hand(page)
    hand.draw(SHAPES[3][0])
    page.locator("#addends label", has_text="9").click()
    assert hand.answer == "3 + 9 = 12", hand.answer
    page.keyboard.press("4")
    assert hand.answer == "3 + 4 = 7", hand.answer
    page.focus("input[name=addend]:checked")
    page.keyboard.press("ArrowRight")
    assert hand.answer == "3 + 5 = 8", hand.answer
    current = page.locator("#sums li[aria-current=true]")
    assert current.count() == 1 and current.inner_text().startswith("+ 5 = 8"), current.inner_text()
    shares = page.evaluate("[...document.querySelectorAll('#digits progress')].map((bar) => bar.value)")
    assert len(shares) == 10 and abs(sum(shares) - 1) < 1e-3 and max(shares) == shares[3], shares


def undo_takes_strokes_one_by_one(page, _):
    hand = Hand(page)
    hand.draw(SHAPES[7][0])
    first = hand.answer
    hand.draw([[(60, 250), (220, 250)], [(60, 30), (60, 250)]])
    page.locator("#undo").click()
    page.keyboard.press("Control+z")
    hand.settle()
    assert hand.answer == first == "7 + 7 = 14", (first, hand.answer)
    page.keyboard.press("Control+z")
    hand.settle()
    assert hand.answer == IDLE, hand.answer


def the_keyboard_draws(page, _):
    hand = Hand(page)
    page.focus("#paper")
    for key, times in (("ArrowUp", 11), ("Space", 1), ("ArrowDown", 22), ("Space", 1), ("ArrowLeft", 9)):
        for _ in range(times):
            page.keyboard.press(key)
    hand.settle()
    assert hand.answer == "1 + 7 = 8", hand.answer
    assert page.locator("#cursor").is_visible()
    page.keyboard.press("Delete")
    hand.settle()
    assert hand.answer == IDLE, hand.answer


def the_inside_is_shown(page, _):
    hand = Hand(page)
    hand.draw(SHAPES[5][0])
    captions = page.locator("#maps figcaption").all_inner_texts()
    shapes = ["8 maps of 28 × 28", "8 maps of 14 × 14", "16 maps of 14 × 14", "16 maps of 7 × 7", "16 maps of 7 × 7", "16 maps of 5 × 5"]
    assert captions == [f"Block {block}: {shape}" for block, shape in enumerate(shapes, 1)], captions
    colours = """[...document.querySelectorAll('#maps canvas, #seen')].map((canvas) =>
      new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size)"""
    assert min(page.evaluate(colours)) > 5, "every canvas shows something"


def readers_of_screens_hear_it(page, _):
    Hand(page).draw(SHAPES[2][0])
    for name in ("Undo", "Clear"):
        assert page.get_by_role("button", name=name).count() == 1, name
    assert page.get_by_role("application", name="Drawing area").count() == 1
    assert page.get_by_role("radio").count() == 10 and page.get_by_role("group", name="Add").count() == 1
    assert page.get_by_role("progressbar", name="+ 7 = 9").count() == 1
    assert page.get_by_role("status").first.inner_text() == "2 + 7 = 9"
    assert page.get_by_role("img", name="Block 6").count() == 1
    nameless = page.evaluate("[...document.querySelectorAll('[role=img], progress')].filter((one) => !one.ariaLabel).length")
    assert nameless == 0, nameless


def pictures_are_opened_and_dropped(page, _):
    hand = Hand(page)
    hand.draw(SHAPES[6][0])
    image = page.evaluate("paper.canvas.toDataURL('image/png').split(',')[1]")
    hand.clear()
    page.set_input_files("#file", {"name": "six.png", "mimeType": "image/png", "buffer": base64.b64decode(image)})
    hand.settle()
    assert hand.answer == "6 + 7 = 13", hand.answer
    hand.clear()
    drop = """(image) => {
      const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0)), files = new DataTransfer();
      files.items.add(new File([bytes], "six.png", { type: "image/png" }));
      document.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
    }"""
    page.evaluate(drop, image)
    hand.settle()
    assert hand.answer == "6 + 7 = 13", hand.answer
    pictures.put(page, b"no picture", "image/png")
    assert "no picture" in hand.answer, hand.answer
    pictures.put(page, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40), "image/heic")
    assert "HEIC" in hand.answer and "JPEG" in hand.answer, hand.answer


def a_blank_picture_has_no_digit(page, _):
    hand = Hand(page)
    hand.draw(SHAPES[2][0])
    pictures.put(page, pictures.drawn(page, 300, 200, []), "image/png")
    assert "no digit found" in hand.answer, hand.answer
    shares = page.evaluate("[...document.querySelectorAll('progress')].map((bar) => bar.value)")
    assert not any(shares) and page.locator("#maps canvas").count() == 0, shares
    hand.clear()


def photos_of_phones_are_shrunk_and_turned(page, _):
    """12 megapixels, stored lying as phones store what they took upright."""
    hand, strokes = Hand(page), SHAPES[7][0]
    upright = pictures.drawn(page, 3024, 4032, [(strokes, 900, 1300, 4)], "image/jpeg")
    pictures.put(page, upright, "image/jpeg")
    assert hand.answer == "7 + 7 = 14", hand.answer
    lying = pictures.drawn(page, 4032, 3024, [([[(y, 280 - x) for x, y in stroke] for stroke in strokes], 1300, 900, 4)], "image/jpeg")
    entry = struct.pack("<HHIHxx", 0x112, 3, 1, 6)
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    turned = lying[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + lying[2:]
    pictures.put(page, turned, "image/jpeg")
    assert hand.answer == "7 + 7 = 14", hand.answer
    sent = page.evaluate("'fileOf' in backend ? backend.fileOf(paper.untouchedPicture).then((file) => file.size) : 0")
    assert sent < 1_000_000, sent
    sides = page.evaluate("[paper.untouchedPicture.bitmap.width, paper.untouchedPicture.bitmap.height]")
    assert sides == [1200, 1600], sides


def several_digits_are_read_one_by_one(page, _):
    hand = Hand(page)
    half = lambda digit, left: [[(left + 0.4 * x, 80 + 0.4 * y) for x, y in stroke] for stroke in SHAPES[digit][0]]
    hand.draw(half(4, 0) + half(2, 160))
    assert hand.answer == "4 + 7 = 11, 2 + 7 = 9", hand.answer
    boxes = page.locator("#boxes span")
    lefts = [boxes.nth(at).bounding_box()["x"] for at in range(boxes.count())]
    paper = page.locator("#paper").bounding_box()
    assert len(lefts) == 2 and lefts[0] < paper["x"] + paper["width"] / 2 < lefts[1], lefts
    choice = page.locator("#parts label")
    assert choice.all_inner_texts() == ["4", "2"]
    choice.nth(1).click()
    assert page.locator("#digits li[aria-current=true]").inner_text().startswith("2")
    page.keyboard.press("3")
    assert hand.answer == "4 + 3 = 7, 2 + 3 = 5", hand.answer
    # The same as a picture, twice as large as the paper.
    hand.clear()
    assert boxes.count() == 0 and page.locator("#parts").is_hidden()
    pictures.put(page, pictures.drawn(page, 560, 300, [(SHAPES[6][0], 0, 30, 0.8), (SHAPES[1][0], 320, 30, 0.8)]), "image/png")
    assert hand.answer == "6 + 3 = 9, 1 + 3 = 4", hand.answer
    tops = [boxes.nth(at).bounding_box()["y"] for at in range(boxes.count())]
    assert all(top > paper["y"] + paper["height"] * 0.25 for top in tops), tops


ON_A_DESK = [
    digits_are_read,
    the_addend_is_chosen,
    undo_takes_strokes_one_by_one,
    the_keyboard_draws,
    the_inside_is_shown,
    readers_of_screens_hear_it,
    pictures_are_opened_and_dropped,
    a_blank_picture_has_no_digit,
    photos_of_phones_are_shrunk_and_turned,
    several_digits_are_read_one_by_one,
]


def a_finger_draws_on_a_phone(page, _):
    hand = Hand(page)
    hand.touch(SHAPES[8][1])
    assert hand.answer == "8 + 7 = 15", hand.answer
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it fits"
    assert page.evaluate("scrollY") == 0, "drawing does not scroll"
    small = page.evaluate("[...document.querySelectorAll('button, .button, fieldset label')].filter((one) => one.offsetHeight < 32).length")
    assert small == 0, "a finger finds every button"


def both_say_the_same(server_page, folder_page):
    """The server's answers and the module's, of the same drawings, within 1e-4; what was seen, to the byte."""
    largest = 0
    for digit, (shape, _) in SHAPES.items():
        said = []
        for page in (server_page, folder_page):
            hand = Hand(page)
            hand.draw(shape)
            said.append(page.evaluate("backend.look(paper)"))
            hand.clear()
        assert [len(one["parts"]) for one in said] == [1, 1], digit
        ours, theirs = (one["parts"][0] for one in said)
        assert ours["box"] == theirs["box"], digit
        assert ours["seen"] == theirs["seen"] and ours["warnings"] == theirs["warnings"], digit
        for one, other in zip(ours["sums"], theirs["sums"], strict=True):
            for key in ("digit_probabilities", "sum_probabilities"):
                pairs = zip(one[key], other[key], strict=True)
                largest = max(largest, *(abs(a - b) for a, b in pairs))
        for one, other in zip(ours["feature_maps"], theirs["feature_maps"], strict=True):
            assert [one[key] for key in ("channels", "height", "width")] == [other[key] for key in ("channels", "height", "width")]
            assert all(abs(a - b) <= 1 for a, b in zip(one["pixels"], other["pixels"], strict=True)), digit
    print(f"server and module differ by at most {largest:.1e}")
    assert largest < 1e-4, largest
