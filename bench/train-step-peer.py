"""The training step of train-step.ts in PyTorch on the CPU: python train-step-peer.py FOLDER THREADS FORM (classic or lean).
Reads parameters.safetensors and batch.safetensors in FOLDER, then lines "eager N" or "compile N" and answers each with JSON
{"ms": [...], "cpuMs": [...], "loss": last loss}. Needs torch and numpy only."""
import json, sys, time
import numpy as np, torch, torch.nn.functional as F

folder, threads, lean = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "lean"
torch.set_num_threads(threads)


def load(name):
    raw = open(f"{folder}/{name}.safetensors", "rb").read()
    n = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8 : 8 + n])
    head.pop("__metadata__", None)
    return {k: torch.from_numpy(np.frombuffer(raw[8 + n + v["data_offsets"][0] : 8 + n + v["data_offsets"][1]], np.float32).reshape(v["shape"]).copy()) for k, v in head.items()}


class Transformer(torch.nn.Module):
    def __init__(self, values, heads=8):
        super().__init__()
        self.heads = heads
        self.layers = sum(k.endswith(".qkv.w") for k in values)
        # PyTorch's layout of a linear layer is [out, in].
        self.p = torch.nn.ParameterDict({k.replace(".", "_"): torch.nn.Parameter(v.T.contiguous() if k.endswith(".w") else v) for k, v in values.items()})

    def dense(self, name, x):
        return F.linear(x, self.p[f"{name}_w"], self.p[f"{name}_b"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:]) if lean else F.layer_norm(x, x.shape[-1:], self.p[f"{name}_scale"], self.p[f"{name}_bias"])

    def forward(self, x):
        h = x + self.p["places"]
        b, n, d = h.shape
        for i in range(self.layers):
            q, k, v = self.dense(f"{i}_qkv", self.norm(f"{i}_norm1", h)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d)
            h = h + self.dense(f"{i}_out", a)
            u = self.dense(f"{i}_up", self.norm(f"{i}_norm2", h))
            h = h + self.dense(f"{i}_down", F.relu(u).square() if lean else F.gelu(u))
        return self.dense("head", self.norm("norm", h))


def stepper(compiled):
    model = Transformer(load("parameters"))
    run = torch.compile(model) if compiled else model
    # The quickest AdamW that PyTorch has on a CPU.
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-3, fused=True)

    def step(batch):
        optimiser.zero_grad(set_to_none=True)
        loss = F.mse_loss(run(batch["x"]), batch["target"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        return loss.item()

    return step


batch = load("batch")
steps = {}
print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    kind, count = line.split()
    if kind not in steps:
        steps[kind] = stepper(kind == "compile")
    times, cpu, loss = [], [], 0.0
    for _ in range(int(count)):
        t, c = time.perf_counter(), time.process_time()
        loss = steps[kind](batch)
        times.append((time.perf_counter() - t) * 1e3)
        cpu.append((time.process_time() - c) * 1e3)
    print(json.dumps({"ms": times, "cpuMs": cpu, "loss": loss}), flush=True)
