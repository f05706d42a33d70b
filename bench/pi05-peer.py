"""LeRobot's π0.5 for bench/pi05.ts: arguments "size threads repeats"; answers median ms of one chunk and the peak of memory as JSON.

The default configuration (PaliGemma 2B, 300M expert, 200 words, chunks of 50, ten steps) with two 224x224 cameras, eval mode,
float32, random weights: time does not depend on what they are. They are filled in place from one short run of numbers, because drawing
them as the module does takes minutes and gigabytes more. "tiny" narrows the modules, to try the script."""
import json
import resource
import statistics
import sys
import time

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.pi05 import modeling_pi05
from lerobot.policies.pi05.configuration_pi05 import PI05Config

size, threads, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)

if size == "tiny":
    widths = {"gemma_2b": dict(width=32, mlp_dim=64), "gemma_300m": dict(width=24, mlp_dim=40)}
    modeling_pi05.get_gemma_config = lambda variant: modeling_pi05.GemmaConfig(
        depth=4, num_heads=8, num_kv_heads=1, head_dim=8, **widths[variant]
    )
    whole = modeling_pi05.PaliGemmaForConditionalGenerationWithPiGemma

    def narrow(config):
        config.vision_config.hidden_size, config.vision_config.intermediate_size = 24, 40
        config.vision_config.num_hidden_layers, config.vision_config.num_attention_heads = 2, 3
        config.vision_config.projection_dim = config.projection_dim = config.text_config.hidden_size
        return whole(config)

    modeling_pi05.PaliGemmaForConditionalGenerationWithPiGemma = narrow

for name in [name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")]:
    setattr(torch.nn.init, name, lambda tensor, *args, **options: tensor)

image = PolicyFeature(type=FeatureType.VISUAL, shape=(3, 224, 224))
config = PI05Config(
    input_features={
        "observation.images.base_0_rgb": image,
        "observation.images.left_wrist_0_rgb": image,
        "observation.state": PolicyFeature(type=FeatureType.STATE, shape=(8,)),
    },
    output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(7,))},
    dtype="float32",
    device="cpu",
    push_to_hub=False,
)
policy = modeling_pi05.PI05Policy(config).eval()
drawn = 0.02 * torch.randn(1 << 20)
with torch.no_grad():
    for parameter in policy.parameters():
        for part in parameter.data.view(-1).split(len(drawn)):
            part.copy_(drawn[: len(part)])
length = config.tokenizer_max_length
batch = {
    "observation.images.base_0_rgb": torch.rand(1, 3, 224, 224),
    "observation.images.left_wrist_0_rgb": torch.rand(1, 3, 224, 224),
    "observation.state": torch.randn(1, 8),
    "observation.language.tokens": torch.randint(5, 1000, (1, length)),
    "observation.language.attention_mask": torch.arange(length)[None] < 50,
}
times = []
for i in range(repeats + 1):
    start = time.perf_counter()
    policy.predict_action_chunk(batch)
    if i > 0:
        times.append(1000 * (time.perf_counter() - start))
print(
    json.dumps(
        {
            "about": f"LeRobot, torch {torch.__version__}, float32",
            "chunkMs": statistics.median(times),
            "peakGb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        }
    )
)
