"""Compares what LeRobot's loader reads from two datasets, episode by episode, pictures decoded.

usage: python lerobot-videos.py SOURCE EDITED 1,2,0     (Python with lerobot[dataset] 0.6.1)
"""

import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset

NUMBERED = {"index", "episode_index", "task_index"}


def main(source, edited, episodes):
    a = LeRobotDataset("bidden/source", root=source, video_backend="pyav")
    b = LeRobotDataset("bidden/edited", root=edited, video_backend="pyav")
    assert b.meta.total_episodes == len(episodes), (b.meta.total_episodes, episodes)
    frames = 0
    for new, old in enumerate(episodes):
        here, there = a.meta.episodes[old], b.meta.episodes[new]
        assert here["length"] == there["length"], (old, here["length"], there["length"])
        for i in range(here["length"]):
            x, y = a[here["dataset_from_index"] + i], b[there["dataset_from_index"] + i]
            for key in x.keys() - NUMBERED:
                same = torch.equal(x[key], y[key]) if torch.is_tensor(x[key]) else x[key] == y[key]
                assert same, f"{key} of episode {old}, frame {i}"
            frames += 1
    print(f"{frames} frames of {len(episodes)} episodes are equal, {len(b.meta.video_keys)} cameras")


main(sys.argv[1], sys.argv[2], [int(n) for n in sys.argv[3].split(",")])
