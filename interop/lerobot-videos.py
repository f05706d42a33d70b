"""Compares what LeRobot's loader reads from two datasets, episode by episode, pictures decoded.

usage: python lerobot-videos.py SOURCE EDITED 1,2,0 SKIPPED equal|nearly     (Python with lerobot[dataset] 0.6.1)

SKIPPED: frames missing at the start of every episode. "nearly": pictures up to a keyframe were encoded anew, blocks of 8 x 8 pixels may
be off by 8 of 255 on average.
"""

import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset

NUMBERED = {"index", "episode_index", "task_index"}
SHIFTED = {"timestamp", "frame_index"}


def off_by(x, y):
    return torch.nn.functional.avg_pool2d((x - y).abs().mean(0, keepdim=True)[None], 8).max().item() * 255


def main(source, edited, episodes, skipped, nearly):
    a = LeRobotDataset("bidden/source", root=source, video_backend="pyav")
    b = LeRobotDataset("bidden/edited", root=edited, video_backend="pyav")
    assert b.meta.total_episodes == len(episodes), (b.meta.total_episodes, episodes)
    frames, worst = 0, 0.0
    for new, old in enumerate(episodes):
        here, there = a.meta.episodes[old], b.meta.episodes[new]
        assert here["length"] - skipped == there["length"], (old, here["length"], there["length"])
        for i in range(there["length"]):
            x, y = a[here["dataset_from_index"] + skipped + i], b[there["dataset_from_index"] + i]
            for key in x.keys() - NUMBERED - (SHIFTED if skipped else set()):
                if nearly and key in b.meta.video_keys:
                    worst = max(worst, off_by(x[key], y[key]))
                    continue
                same = torch.equal(x[key], y[key]) if torch.is_tensor(x[key]) else x[key] == y[key]
                assert same, f"{key} of episode {old}, frame {i}"
            frames += 1
    assert worst < 8, worst
    but = f" but for the pictures encoded anew, off by {worst:.1f} of 255 at most" if nearly else ""
    print(f"{frames} frames of {len(episodes)} episodes are equal{but}; {len(b.meta.video_keys)} cameras")


main(sys.argv[1], sys.argv[2], [int(n) for n in sys.argv[3].split(",")], int(sys.argv[4]), sys.argv[5] == "nearly")
