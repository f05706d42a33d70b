"""LeRobot's SmolVLA for bench/smolvla.ts: per line "threads repeats", answers median ms of a chunk by the clock and by the
processor, and the actions as JSON.

argv[1] is a checkpoint that `bidden policy make smolvla` wrote, argv[2] a safetensors file with what the network is given
(images, tokens, state, noise). Needs lerobot 0.6.1 with transformers 5.5.4; the VLM's sizes come from dims.json, nothing is downloaded."""
import json
import statistics
import sys
import time

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, SmolVLMConfig

folder, inputs = sys.argv[1:3]
dims = json.load(open(f"{folder}/dims.json"))
vlm = SmolVLMConfig(
    vision_config={**dims["vision"], "num_channels": 3, "layer_norm_eps": dims["vision_ln_eps"], "hidden_act": "gelu_pytorch_tanh"},
    text_config={
        "model_type": "llama", "hidden_size": dims["hidden"], "intermediate_size": dims["intermediate"],
        "num_attention_heads": dims["heads"], "num_key_value_heads": dims["kv_heads"], "head_dim": dims["head_dim"],
        "num_hidden_layers": dims["vlm_layers_kept"], "vocab_size": dims["vocab_size"], "rms_norm_eps": dims["rms_eps"],
        "hidden_act": "silu", "pad_token_id": 2, "attention_bias": False,
    },
    scale_factor=dims["pixel_shuffle"], image_token_id=4, tie_word_embeddings=False, pad_token_id=2,
)
AutoConfig.from_pretrained = classmethod(lambda cls, *a, **k: vlm)

from lerobot.configs.policies import PreTrainedConfig  # noqa: E402
from lerobot.policies.smolvla import smolvlm_with_expert  # noqa: E402
from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy  # noqa: E402


class Tokenizer:
    fake_image_token_id, global_image_token_id = 3, 6


class Processor:
    tokenizer = Tokenizer

    @staticmethod
    def from_pretrained(*args, **kwargs):
        return Processor


smolvlm_with_expert.AutoProcessor = Processor
config = PreTrainedConfig.from_pretrained(folder)
config.device = "cpu"
policy = SmolVLAPolicy.from_pretrained(folder, config=config).eval()
given = load_file(inputs)
noise = given.pop("noise")
batch = {name: value for name, value in given.items()}
batch["observation.language.attention_mask"] = torch.ones_like(batch["observation.language.tokens"], dtype=torch.bool)
parameters = sum(parameter.numel() for parameter in policy.parameters())
print(json.dumps({"parameters": parameters, "torch": torch.__version__}), flush=True)

for line in sys.stdin:
    threads, repeats = map(int, line.split())
    torch.set_num_threads(threads)
    times, busy = [], []
    for i in range(repeats + 1):
        start, used = time.perf_counter(), time.process_time()
        actions = policy.predict_action_chunk(dict(batch), noise=noise)
        if i >= 1:
            times.append(1000 * (time.perf_counter() - start))
            busy.append(1000 * (time.process_time() - used))
    out = {"ms": statistics.median(times), "busyMs": statistics.median(busy), "actions": actions.flatten().tolist()}
    print(json.dumps(out), flush=True)
