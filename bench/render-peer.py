"""MuJoCo's own software renderer for bench/render.ts: reads a scene's file per line, answers median ms of a frame as JSON.

Two qualities: MuJoCo's defaults (4096 shadow map, 4 samples), and cheap (1024, 1 sample)."""
import json
import os
import statistics
import sys
import time

os.environ["MUJOCO_GL"] = "osmesa"
import mujoco  # noqa: E402  (the variable must be set before)

repeats = int(sys.argv[1])
for line in sys.stdin:
    with open(line.strip()) as file:
        scene = json.load(file)
    answer = {}
    for quality, shadow, samples in (("its defaults", 4096, 4), ("cheap", 1024, 0)):
        model = mujoco.MjModel.from_xml_string(scene["mjcf"])
        model.vis.quality.shadowsize = shadow
        model.vis.quality.offsamples = samples
        data = mujoco.MjData(model)
        data.qpos[:] = scene["state"][1 : 1 + model.nq]
        mujoco.mj_forward(model, data)
        with mujoco.Renderer(model, 96, 96) as renderer:
            times = []
            for _ in range(max(3, repeats // 4)):
                start = time.perf_counter()
                renderer.update_scene(data, camera="front")
                renderer.render()
                times.append(1000 * (time.perf_counter() - start))
        answer[quality] = statistics.median(times)
    print(json.dumps(answer), flush=True)
