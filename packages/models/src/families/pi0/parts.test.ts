/** Pieces of π models against values that can be worked out by hand, or that another implementation gave. */
import { describe, expect, it } from "vitest";
import { suffixAllowed } from "./graphs.ts";
import { canonicalName } from "./names.ts";
import { promptText, stateBins } from "./prompt.ts";
import { piPixels } from "./see.ts";

describe("prompts", () => {
  it("LeRobot's π0 cleans nothing and adds one line break", () => {
    const plain = { form: "plain", cleaned: false } as const;
    expect(promptText("open the_top drawer", [], plain)).toBe("open the_top drawer\n");
    expect(promptText("  stop\n", [], plain)).toBe("  stop\n");
  });

  it("openpi's π0 strips and replaces, and so do π0.5 and π0-FAST; none lower-cases", () => {
    expect(promptText(" Open the_top\ndrawer \n", [], { form: "plain", cleaned: true })).toBe("Open the top drawer\n");
    const state = [0.5625, -1.5, 1];
    expect(promptText("Go_on", state, { form: "state-action", cleaned: true })).toBe(
      "Task: Go on, State: 200 -1 255;\nAction: ",
    );
    expect(promptText("Go", state, { form: "state", cleaned: true })).toBe("Task: Go, State: 200 -1 255;\n");
  });

  it("bins as numpy.digitize over linspace(-1, 1, 257)[:-1], less one", () => {
    expect(stateBins([-1, -1.000001, -0.9921875, -0.992188, 0, -1e-9, 0.9921875, 0.99, 1, 1e7, -1e7])).toEqual([
      0, -1, 1, 0, 128, 127, 255, 254, 255, 255, -1,
    ]);
  });
});

describe("names", () => {
  it.each([
    ["model.paligemma_with_expert.paligemma.lm_head.weight", "paligemma_with_expert.paligemma.lm_head.weight"],
    [
      "paligemma_with_expert.paligemma.language_model.model.layers.0.mlp.up_proj.weight",
      "paligemma_with_expert.paligemma.model.language_model.layers.0.mlp.up_proj.weight",
    ],
    [
      "model.paligemma_with_expert.paligemma.language_model.lm_head.weight",
      "paligemma_with_expert.paligemma.lm_head.weight",
    ],
    ["model._orig_mod.action_in_proj.bias", "action_in_proj.bias"],
    ["action_time_mlp_in.bias", "time_mlp_in.bias"],
    ["normalize_inputs.buffer_observation_state.mean", null],
    ["paligemma_with_expert.gemma_expert.lm_head.weight", null],
    ["state_proj.weight", null],
  ])("%s in a π0.5 file", (stored, inside) => {
    expect(canonicalName(stored, "pi05")).toBe(inside);
  });

  it("π0 reads its state and its own time MLP", () => {
    expect(canonicalName("model.state_proj.weight", "pi0")).toBe("state_proj.weight");
    expect(canonicalName("action_time_mlp_in.bias", "pi0")).toBe("action_time_mlp_in.bias");
  });
});

it("actions see each other both ways and the state; the state does not see them", () => {
  expect(suffixAllowed(3, 2)).toEqual([
    [true, false, false],
    [true, true, true],
    [true, true, true],
  ]);
});

it("pictures stand in the middle between black borders", () => {
  const white = { width: 4, height: 2, data: new Uint8Array(24).fill(255) };
  const pixels = piPixels(white, 4);
  const red = Array.from({ length: 4 }, (_, row) => pixels[row * 4]);
  expect(red).toEqual([-1, 1, 1, -1]);
  expect(pixels).toHaveLength(48);
});
