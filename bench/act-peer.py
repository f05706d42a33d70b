"""LeRobot's ACT for bench/policy.ts and bench/act.ts: per line "threads repeats", answers median ms of one chunk as JSON.

Without arguments the default configuration (ResNet-18, 4 + 1 layers of width 512, chunks of 100, 52 M parameters) with two 96x96
cameras, 16 joint values and 7 actions, random weights: time does not depend on what they are. With two, a checkpoint that `bidden
policy make act` wrote in full size, and a safetensors file with its normalised inputs by LeRobot's names; the first line then has the
actions. Eval mode, float32."""
import contextlib
import json
import statistics
import sys
import time

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy


def default():
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
    batch = {
        "observation.images.front": torch.rand(1, 3, 96, 96),
        "observation.images.wrist": torch.rand(1, 3, 96, 96),
        "observation.state": torch.randn(1, 16),
    }
    return ACTPolicy(config).eval(), batch


def stored(folder, inputs):
    from lerobot.configs.policies import PreTrainedConfig
    from safetensors.torch import load_file

    config = PreTrainedConfig.from_pretrained(folder)
    config.device = "cpu"
    return ACTPolicy.from_pretrained(folder, config=config).eval(), load_file(inputs)


with contextlib.redirect_stdout(sys.stderr):  # lerobot says that it loads
    policy, batch = stored(*sys.argv[1:3]) if len(sys.argv) > 2 else default()
parameters = sum(parameter.numel() for parameter in policy.parameters())
about = {"parameters": parameters, "torch": torch.__version__}
if len(sys.argv) > 2:
    about["actions"] = policy.predict_action_chunk(batch).flatten().tolist()
print(json.dumps(about), flush=True)

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
