"""LeRobot's ACT for bench/policy.ts: per line "threads repeats", answers median ms of one chunk as JSON.

The default configuration (ResNet-18, 4 + 1 layers of width 512, chunks of 100, 52 M parameters) with two 96x96 cameras, 16 joint
values and 7 actions, eval mode, float32, random weights: time does not depend on what they are."""
import json
import statistics
import sys
import time

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy

image = PolicyFeature(type=FeatureType.VISUAL, shape=(3, 96, 96))
config = ACTConfig(
    input_features={
        "observation.images.front": image,
        "observation.images.wrist": image,
        "observation.state": PolicyFeature(type=FeatureType.STATE, shape=(16,)),
    },
    output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(7,))},
    pretrained_backbone_weights=None,
    device="cpu",
    push_to_hub=False,
)
policy = ACTPolicy(config).eval()
batch = {
    "observation.images.front": torch.rand(1, 3, 96, 96),
    "observation.images.wrist": torch.rand(1, 3, 96, 96),
    "observation.state": torch.randn(1, 16),
}
parameters = sum(parameter.numel() for parameter in policy.parameters())
print(json.dumps({"parameters": parameters, "torch": torch.__version__}), flush=True)

for line in sys.stdin:
    threads, repeats = map(int, line.split())
    torch.set_num_threads(threads)
    times = []
    for i in range(repeats + 2):
        start = time.perf_counter()
        policy.predict_action_chunk(batch)
        if i >= 2:
            times.append(1000 * (time.perf_counter() - start))
    print(json.dumps(statistics.median(times)), flush=True)
