"""Compares what LeRobot's loader reads from a dataset of pictures and from the same as videos: numbers exactly, pictures nearly.

usage: python lerobot-encoded.py PICTURES VIDEOS     (Python with lerobot[dataset] 0.6.1)
"""

import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def main(pictures, videos):
    a = LeRobotDataset("bidden/pictures", root=pictures)
    b = LeRobotDataset("bidden/videos", root=videos, video_backend="pyav")
    assert len(a) == len(b) and b.meta.video_keys == a.meta.image_keys, (len(a), len(b), b.meta.video_keys)
    worst = 0.0
    for i in range(len(a)):
        x, y = a[i], b[i]
        for key in x:
            if key in b.meta.video_keys:
                # 8 x 8 blocks, all channels: what they show on average.
                blocks = torch.nn.functional.avg_pool2d((x[key] - y[key]).abs().mean(0, keepdim=True)[None], 8)
                worst = max(worst, blocks.max().item() * 255)
            else:
                same = torch.equal(x[key], y[key]) if torch.is_tensor(x[key]) else x[key] == y[key]
                assert same, f"{key} of frame {i}"
    assert worst < 40, worst
    print(f"{len(a)} frames, {len(b.meta.video_keys)} cameras; blocks of 8 x 8 pixels differ by {worst:.1f} of 255 at most")


main(sys.argv[1], sys.argv[2])
