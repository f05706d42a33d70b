"""Golden token vectors of all-MiniLM-L6-v2 after its third layer in float32, by Hugging Face transformers.

  pip install torch transformers && python scripts/make-minilm-golden.py <model folder> testdata/models/minilm.json
"""
import json
import sys

import torch
import transformers
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "pick up the red cube",
    "would you park the ball in the white bowl?",
    "Put the RED block on the blue plate, please.",
    "hoist it",
]
# As many as packages/models/src/text/minilm.ts uses.
LAYERS = 3
folder, out = sys.argv[1:3]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder).eval()
cases = []
with torch.no_grad():
    for text in TEXTS:
        batch = tokenizer(text, return_tensors="pt")
        hidden = model(**batch, output_hidden_states=True).hidden_states[LAYERS][0]
        # A quarter of the 384 numbers is enough to tell a wrong encoder from a right one.
        cases.append({
            "text": text,
            "ids": batch["input_ids"][0].tolist(),
            "every4th": [[round(x, 6) for x in row[::4].tolist()] for row in hidden],
        })
with open(out, "w") as f:
    json.dump({"maker": "scripts/make-minilm-golden.py", "transformers": transformers.__version__, "torch": torch.__version__, "cases": cases}, f)
