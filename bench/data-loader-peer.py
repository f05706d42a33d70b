"""LeRobot's half of bench/data-loader.ts.

make DIR av1|h264 EPISODES FRAMES: records a set of two cameras of 256 x 256 with LeRobot's own defaults.
load DIR WORKERS BATCH: opens it with LeRobot's loader, whose workers stay; then, for every line on stdin (a number of samples),
answers the samples per second of that many, drawn at random, and the milliseconds of processor time of each, as one JSON line."""
import json
import multiprocessing
import os
import shutil
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="2", TQDM_DISABLE="1")
import numpy as np  # noqa: E402  (the variables must be set before)
import torch  # noqa: E402
from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402

torch.set_num_threads(2)
AHEAD = 2
CAMERAS = ["observation.images.front", "observation.images.wrist"]


def picture(camera, episode, frame, size=256):
    """A painted scene that moves: enough detail that a frame is not free to code."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    phase = 0.05 * frame + episode
    red = 127 + 120 * np.sin(9 * x + 2 * np.sin(phase) + camera)
    green = 127 + 120 * np.sin(11 * y + 2 * np.cos(phase))
    blue = 127 + 120 * np.sin(7 * (x + y) + phase)
    image = np.stack([red, green, blue], -1)
    cx, cy = int(size * (0.5 + 0.35 * np.sin(phase))), int(size * (0.5 + 0.35 * np.cos(1.3 * phase)))
    image[max(0, cy - 12) : cy + 12, max(0, cx - 12) : cx + 12] = 235 if camera == 0 else 20
    texture = np.random.default_rng(camera).normal(0, 9, (size, size, 1))
    return np.clip(image + texture, 0, 255).astype(np.uint8)


def make(folder, codec, episodes, frames):
    from lerobot.configs import RGBEncoderConfig

    shutil.rmtree(folder, ignore_errors=True)
    names = [f"joint_{i}" for i in range(7)]
    features = {k: {"dtype": "float32", "shape": (7,), "names": names} for k in ("observation.state", "action")}
    for camera in CAMERAS:
        features[camera] = {"dtype": "video", "shape": (256, 256, 3), "names": ["height", "width", "channels"]}
    encoder = RGBEncoderConfig(vcodec="h264") if codec == "h264" else None
    dataset = LeRobotDataset.create("bench/x", 30, features, root=folder, use_videos=True, rgb_encoder=encoder)
    for episode in range(episodes):
        for frame in range(frames):
            values = np.sin(np.arange(7) + 0.1 * frame + episode).astype(np.float32)
            images = {camera: picture(i, episode, frame) for i, camera in enumerate(CAMERAS)}
            dataset.add_frame({"observation.state": values, "action": values, "task": "bench", **images})
        dataset.save_episode(parallel_encoding=False)
    dataset.finalize()


def cpu_seconds():
    """Of this process and its workers."""
    total = 0
    for pid in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def endless(loader):
    while True:
        yield from loader


def load(folder, workers, batch):
    dataset = LeRobotDataset("bench/x", root=folder)
    loader = torch.utils.data.DataLoader(
        dataset,
        batch_size=batch,
        shuffle=True,
        num_workers=workers,
        generator=torch.Generator().manual_seed(0),
        prefetch_factor=AHEAD if workers else None,
        persistent_workers=workers > 0,
    )
    batches = endless(loader)
    print(json.dumps({"ready": True, "backend": dataset._video_backend}), flush=True)
    for line in sys.stdin:
        # What was read ahead between two runs is not counted.
        for _ in range(AHEAD * workers):
            next(batches)
        start, cpu, count = time.perf_counter(), cpu_seconds(), 0
        while count < int(line):
            count += len(next(batches)["index"])
        rate = count / (time.perf_counter() - start)
        print(json.dumps({"rate": rate, "cpu": (cpu_seconds() - cpu) * 1000 / count}), flush=True)


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
else:
    load(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
