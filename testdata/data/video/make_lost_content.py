"""Writes av1-lost-content.mp4: SVT-AV1 4.1.0 at LeRobot's default settings keeps older content in the frames between keyframes.

usage: python make_lost_content.py     (pip install av==18.1.0 numpy)
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIDE, FRAMES, CELL = 64, 72, 8
OPTIONS = {"g": "2", "crf": "30", "preset": "12", "svtav1-params": "fast-decode=0"}


def picture(number):
    """A drifting gradient; over it the bits of the number as cells of 8 x 8 pixels."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    image = np.stack([90 + 60 * np.sin(x / 20 + number * 0.02), 100 + 50 * np.cos(y / 16), 110 + 40 * np.sin((x + y) / 25)], -1)
    image = np.clip(image + np.random.default_rng(0).normal(0, 4, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8)
    for bit in range(12):
        row, column = CELL * (1 + bit // 4), CELL * (1 + bit % 4)
        image[row : row + CELL, column : column + CELL] = 235 if (number * 37) >> bit & 1 else 20
    return image


with av.open(str(Path(__file__).with_name("av1-lost-content.mp4")), "w", format="mp4") as out:
    stream = out.add_stream("libsvtav1", rate=30, options=OPTIONS)
    stream.width = stream.height = SIDE
    stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, 30)
    for number in range(FRAMES):
        frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 30)
        for packet in stream.encode(frame):
            out.mux(packet)
    for packet in stream.encode():
        out.mux(packet)
