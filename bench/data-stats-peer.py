"""numpy's half of bench/data-stats.ts: for every line on stdin (frames, dims, a file of float32) mean, deviation, extremes and
exact quantiles; and LeRobot's running statistics (its quantiles come from histograms). Answers seconds of both as one JSON line."""
import json
import sys
import time

import numpy as np
from lerobot.datasets.compute_stats import RunningQuantileStats

for line in sys.stdin:
    frames, dims, path = line.split()
    values = np.fromfile(path, np.float32).reshape(int(frames), int(dims))
    start = time.perf_counter()
    exact = np.quantile(values.astype(np.float64), [0.01, 0.1, 0.5, 0.9, 0.99], axis=0)
    moments = [values.min(0), values.max(0), values.mean(0, dtype=np.float64), values.std(0, dtype=np.float64)]
    numpy_seconds = time.perf_counter() - start
    start = time.perf_counter()
    running = RunningQuantileStats()
    for part in np.array_split(values, max(1, len(values) // 300)):
        running.update(part)
    running.get_statistics()
    lerobot_seconds = time.perf_counter() - start
    print(json.dumps({"numpy": numpy_seconds, "lerobot": lerobot_seconds, "q99": exact[4].tolist()}), flush=True)
    del moments
