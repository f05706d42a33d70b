"""Opens a dataset that bidden wrote with LeRobot's own loader and prints what it holds, for lerobot-open.ts to compare.

usage: python lerobot-open.py FOLDER OUT.json     (Python with lerobot[dataset] 0.6.1)
Also opens the data files with pandas and with `datasets` alone, which know the features only from the files' metadata.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import datasets
import numpy as np
import pandas as pd
from lerobot.datasets.lerobot_dataset import LeRobotDataset


def plain(value):
    """Tensors and scalars as JSON; pictures as the hash of their RGB bytes."""
    if hasattr(value, "numpy"):
        array = value.numpy()
        if array.ndim == 3 and array.shape[0] == 3 and array.dtype in (np.float32, np.uint8):
            pixels = array if array.dtype == np.uint8 else np.round(array * 255).astype(np.uint8)
            return {"sha256": hashlib.sha256(pixels.transpose(1, 2, 0).tobytes()).hexdigest()}
        return array.tolist()
    return value


def main(folder, out):
    dataset = LeRobotDataset("bidden/interop", root=folder)
    frames = [{key: plain(value) for key, value in dataset[i].items()} for i in range(len(dataset))]
    stats = {
        feature: {name: np.asarray(value).reshape(-1).tolist() for name, value in own.items()}
        for feature, own in dataset.meta.stats.items()
    }
    files = sorted(str(path) for path in Path(folder).glob("data/*/*.parquet"))
    bare = datasets.Dataset.from_parquet(files)
    result = {
        "episodes": dataset.num_episodes,
        "frames": frames,
        "stats": stats,
        "lengths": [int(row["length"]) for row in dataset.meta.episodes],
        "episode_tasks": [list(row["tasks"]) for row in dataset.meta.episodes],
        "tasks": [str(task) for task in dataset.meta.tasks.index],
        "one_episode": len(LeRobotDataset("bidden/interop", root=folder, episodes=[dataset.num_episodes - 1])),
        "pandas_rows": sum(len(pd.read_parquet(path)) for path in files),
        "datasets_features": {name: str(feature) for name, feature in bare.features.items()},
    }
    Path(out).write_text(json.dumps(result))


main(*sys.argv[1:3])
