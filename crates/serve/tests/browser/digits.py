"""Digits as people draw them: corners of strokes on the 280 x 280 paper, and the styles that bend them."""

import math

# For each digit its usual shape and another one that people use.
SHAPES = {
    0: (
        [[(140, 50), (90, 90), (80, 150), (100, 210), (140, 230), (180, 210), (200, 150), (190, 90), (140, 50)]],
        [[(160, 60), (110, 70), (85, 140), (105, 215), (160, 225), (200, 160), (185, 85), (150, 58)]],
    ),
    1: ([[(140, 50), (140, 230)]], [[(105, 95), (145, 50), (145, 230)]]),
    2: (
        [[(90, 90), (140, 50), (190, 90), (150, 150), (85, 225), (200, 225)]],
        [[(85, 85), (115, 52), (165, 52), (190, 95), (165, 145), (120, 185), (85, 228), (205, 222)]],
    ),
    3: (
        [[(90, 70), (140, 50), (185, 80), (140, 130), (190, 180), (140, 225), (85, 200)]],
        [[(95, 55), (185, 55), (135, 120), (180, 140), (190, 190), (145, 228), (90, 210)]],
    ),
    4: (
        [[(110, 50), (80, 150), (200, 150)], [(170, 80), (170, 235)]],
        [[(165, 230), (165, 55), (80, 165), (205, 165)]],
    ),
    5: (
        [[(190, 55), (100, 55), (95, 130), (160, 125), (195, 175), (150, 225), (90, 210)]],
        [[(105, 55), (98, 130), (150, 118), (192, 150), (185, 205), (140, 228), (90, 212)], [(105, 55), (190, 55)]],
    ),
    6: (
        [[(170, 50), (110, 120), (90, 190), (140, 230), (185, 190), (140, 150), (95, 180)]],
        [[(150, 50), (105, 105), (92, 170), (105, 220), (150, 230), (185, 195), (170, 155), (125, 150), (96, 185)]],
    ),
    7: (
        [[(80, 60), (200, 60), (130, 230)]],
        [[(85, 62), (195, 62), (140, 150), (120, 232)], [(105, 145), (175, 145)]],
    ),
    8: (
        [[(140, 50), (95, 85), (140, 135), (190, 185), (140, 230), (90, 185), (140, 135), (185, 85), (140, 50)]],
        [
            [(140, 50), (100, 70), (100, 110), (140, 132), (180, 110), (180, 70), (140, 50)],
            [(140, 132), (92, 160), (92, 210), (140, 232), (188, 210), (188, 160), (140, 132)],
        ],
    ),
    9: (
        [[(185, 90), (140, 130), (95, 90), (140, 50), (185, 90), (175, 160), (150, 230)]],
        [[(180, 85), (150, 52), (105, 62), (95, 105), (125, 135), (170, 120), (180, 80), (182, 230)]],
    ),
}


def _moved(move):
    return lambda strokes: [[move(x - 140, y - 140) for x, y in stroke] for stroke in strokes]


def _linear(a, b, c, d, dx=0, dy=0):
    return _moved(lambda x, y: (140 + a * x + b * y + dx, 140 + c * x + d * y + dy))


def _turned(degrees):
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _linear(cos, -sin, sin, cos)


def _shaky(strokes):
    """A hand that trembles: points between the corners, each off by a few pixels."""
    result = []
    for number, stroke in enumerate(strokes):
        points = []
        for (x0, y0), (x1, y1) in zip(stroke, stroke[1:]):
            for part in (0, 1 / 3, 2 / 3):
                turn = 2.4 * len(points) + number
                points.append((x0 + part * (x1 - x0) + 3.5 * math.sin(turn), y0 + part * (y1 - y0) + 3.5 * math.cos(1.7 * turn)))
        result.append([*points, stroke[-1]])
    return result


STYLES = {
    "usual": (0, _linear(1, 0, 0, 1)),
    "other": (1, _linear(1, 0, 0, 1)),
    "slanted": (0, _linear(1, -0.25, 0, 1)),
    "turned": (1, _turned(10)),
    "small": (0, _linear(0.5, 0, 0, 0.5, dx=-50, dy=40)),
    "narrow": (1, _linear(0.7, 0, 0, 1.1)),
    "shaky": (0, _shaky),
}


def all_digits():
    """Style, digit and strokes of each."""
    for style, (shape, bend) in STYLES.items():
        for digit, shapes in SHAPES.items():
            yield style, digit, bend(shapes[shape])
