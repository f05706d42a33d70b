/** π0 and π0.5 against LeRobot's values, in every layout of their files; and the traps that those values do not show. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BiddenError } from "@bidden/runtime";
import { readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";
import { describe, expect, it } from "vitest";
import { type Checkpoint, openCheckpoint } from "../../checkpoint/checkpoint.ts";
import { familyOf } from "../../checkpoint/families.ts";
import type { FamilyOptions, PublishedPolicy } from "../../checkpoint/family.ts";
import { fromFloat32, toFloat32 } from "../../checkpoint/floats.ts";
import { GoldenCheck, openGolden } from "../../checkpoint/golden.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { madeFiles } from "../made-files.ts";
import { pi0, pi05 } from "./pi0.ts";

const TESTDATA = fileURLToPath(new URL("../../../../../testdata/models/", import.meta.url));
const engine = nodeEngine({ threads: 1 });

type Files = Map<string, Uint8Array>;
type Tensors = Map<string, TensorData>;

function filesOf(folder: string, root = folder): Files {
  const files: Files = new Map();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) for (const [key, bytes] of filesOf(path, root)) files.set(key, bytes);
    else files.set(relative(root, path), readFileSync(path));
  }
  return files;
}

const base = { pi0: filesOf(join(TESTDATA, "pi0")), pi05: filesOf(join(TESTDATA, "pi05")) };

/** The files with other weights. */
function changed(files: Files, change: (tensors: Tensors) => Tensors): Files {
  const { tensors } = readSafetensors(files.get("model.safetensors") as Uint8Array);
  return new Map(files).set("model.safetensors", writeSafetensors(change(tensors)));
}

const open = (files: Files): Promise<Checkpoint> => openCheckpoint(memorySource(files));

async function failures(checkpoint: Checkpoint): Promise<string[]> {
  const golden = await openGolden(checkpoint.source);
  const check = new GoldenCheck(golden as NonNullable<typeof golden>);
  await familyOf(checkpoint).checkGolden?.(checkpoint, engine, check);
  expect(check.results.length).toBeGreaterThan(60);
  return check.results.flatMap(({ pass, stage, relL2, problem }) =>
    pass ? [] : [`${stage} ${relL2} ${problem ?? ""}`],
  );
}

const EMBED = "model.paligemma_with_expert.paligemma.model.language_model.embed_tokens.weight";
const HEAD = "model.paligemma_with_expert.paligemma.lm_head.weight";

function renamed(tensors: Tensors, rename: (name: string) => string | null): Tensors {
  return new Map(
    [...tensors].flatMap(([name, value]) => {
      const to = rename(name);
      return to === null ? [] : [[to, value] as const];
    }),
  );
}

describe("stages, actions, losses and gradients of the reference", () => {
  it.each(["pi0", "pi05"])("%s as LeRobot stores it, its weights mapped from the file", async (kind) => {
    const checkpoint = await openCheckpointAt(join(TESTDATA, kind));
    expect(await failures(checkpoint)).toEqual([]);
    await checkpoint.close();
  });

  it("π0.5 trained for real-time chunking: held actions at time 0", async () => {
    const checkpoint = await open(base.pi05);
    const own = await openGolden(memorySource(filesOf(join(TESTDATA, "pi05/variants/rtc_trained"))));
    const check = new GoldenCheck(own as NonNullable<typeof own>, await openGolden(checkpoint.source));
    await pi05.checkGolden?.(checkpoint, engine, check);
    expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
    expect(check.results.length).toBeGreaterThan(20);
  });
});

const known = new Map<string, Promise<number[]>>();

/** Actions of the base checkpoint, whose values the golden comparison vouches for. */
function expected(kind: "pi0" | "pi05"): Promise<number[]> {
  const actions = known.get(kind) ?? predictWith(base[kind]);
  known.set(kind, actions);
  return actions;
}

describe("layouts of the files", () => {
  it("openpi's names, and words stored only as the output matrix", async () => {
    const files = changed(base.pi0, (tensors) =>
      renamed(tensors, (name) => (name === EMBED ? null : name.replace(/^model\./, ""))),
    );
    expect(await predictWith(files)).toEqual(await expected("pi0"));
  });

  it("names of before October 2025, with statistics among the weights and no processor files", async () => {
    const P = "model.paligemma_with_expert.paligemma.";
    const moved: readonly (readonly [string, string])[] = [
      [`${P}model.language_model.`, `${P}language_model.model.`],
      [`${P}lm_head.`, `${P}language_model.lm_head.`],
      [`${P}model.vision_tower.`, `${P}vision_tower.`],
      [`${P}model.multi_modal_projector.`, `${P}multi_modal_projector.`],
    ];
    const old = (name: string): string | null => {
      const found = moved.find(([from]) => name.startsWith(from));
      if (name === EMBED) return null;
      return found === undefined ? name : found[1] + name.slice(found[0].length);
    };
    const stats = readSafetensors(
      base.pi0.get("policy_preprocessor_step_6_normalizer_processor.safetensors") as Uint8Array,
    ).tensors;
    const buffers: Tensors = new Map();
    for (const part of ["mean", "std"]) {
      buffers.set(
        `normalize_inputs.buffer_observation_state.${part}`,
        stats.get(`observation.state.${part}`) as TensorData,
      );
      buffers.set(`unnormalize_outputs.buffer_action.${part}`, stats.get(`action.${part}`) as TensorData);
    }
    const files = changed(base.pi0, (tensors) => new Map([...renamed(tensors, old), ...buffers]));
    for (const name of files.keys()) if (name.startsWith("policy_")) files.delete(name);
    expect(await predictWith(files)).toEqual(await expected("pi0"));
  });

  it("openpi's PyTorch files: their own configuration, statistics and camera names", async () => {
    const stats = readSafetensors(
      base.pi0.get("policy_preprocessor_step_6_normalizer_processor.safetensors") as Uint8Array,
    ).tensors;
    const list = (name: string): number[] => [...((stats.get(name) as TensorData).data as Float32Array)];
    const block = (name: string): object => ({
      mean: list(`${name}.mean`),
      std: list(`${name}.std`),
      q01: [],
      q99: [],
    });
    const files = changed(base.pi0, (tensors) => renamed(tensors, (name) => name.replace(/^model\./, "")));
    for (const name of files.keys()) if (name.startsWith("policy_")) files.delete(name);
    const json = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    files.set(
      "config.json",
      json({ action_dim: 32, action_horizon: 10, paligemma_variant: "gemma_2b", precision: "float32" }),
    );
    expect(await refusal(open(files).then((c) => pi0.describe(c)))).toMatch(
      /assets\/<robot>\/norm_stats\.json; came none/,
    );
    const norm = { norm_stats: { state: block("observation.state"), actions: block("action") } };
    files.set("assets/robot/norm_stats.json", json(norm));
    // Its ε is another, which shows where a value never changes: the mean there.
    const state = Float32Array.from(list("observation.state.mean"), (value, i) => (i === 6 ? value : value + 0.1));
    const image = OBSERVATION.images["observation.images.base_0_rgb"];
    const from = (policyFiles: Files, camera: string): Promise<Float32Array> =>
      withPolicy(policyFiles, async (policy) => {
        const seen = { ...OBSERVATION, state, images: { [camera]: image } };
        return (await policy.predict(seen, { seed: 1 })).actions;
      });
    const [ours, theirs] = [await from(base.pi0, "observation.images.base_0_rgb"), await from(files, "base_0_rgb")];
    expect(Math.max(...ours.map((value, i) => Math.abs(value - (theirs[i] as number))))).toBeLessThan(1e-4);
  });

  it("two shards", async () => {
    const files = new Map(base.pi0);
    const { tensors } = readSafetensors(files.get("model.safetensors") as Uint8Array);
    files.delete("model.safetensors");
    const shards = [new Map<string, TensorData>(), new Map<string, TensorData>()] as const;
    const map: Record<string, string> = {};
    [...tensors].forEach(([name, value], i) => {
      if (name === EMBED) return;
      (shards[i % 2] as Tensors).set(name, value);
      map[name] = `model-0000${(i % 2) + 1}-of-00002.safetensors`;
    });
    shards.forEach((shard, i) => files.set(`model-0000${i + 1}-of-00002.safetensors`, writeSafetensors(shard)));
    files.set("model.safetensors.index.json", new TextEncoder().encode(JSON.stringify({ weight_map: map })));
    expect(await predictWith(files)).toEqual(await expected("pi0"));
  });

  it("π0.5 with π0's names of the time MLP and weights that nothing reads", async () => {
    const files = changed(base.pi05, (tensors) => {
      const other = renamed(tensors, (name) =>
        name === EMBED ? null : name.replace(/^model\./, "").replace(/^time_mlp_/, "action_time_mlp_"),
      );
      const stray: TensorData = { dtype: "float32", shape: [24], data: new Float32Array(24).fill(7) };
      other.set("state_proj.bias", stray);
      other.set("paligemma_with_expert.gemma_expert.model.norm.weight", stray);
      return other.set("paligemma_with_expert.gemma_expert.model.layers.0.input_layernorm.weight", stray);
    });
    expect(await predictWith(files)).toEqual(await expected("pi05"));
  });

  it("where the two word matrices differ, embed_tokens is what words are read with", async () => {
    const files = changed(base.pi05, (tensors) => {
      const head = tensors.get(HEAD) as TensorData;
      return new Map(tensors).set(HEAD, { ...head, data: new Float32Array(head.data.length).fill(3) });
    });
    expect(await predictWith(files)).toEqual(await expected("pi05"));
  });

  it("bf16 with fp32 islands computes what the widened weights compute", async () => {
    const island = /vision_tower|multi_modal_projector|layernorm|norm\.|_proj\.(weight|bias)$|time_mlp/;
    const kept = (name: string): boolean => island.test(name) && !name.includes("self_attn") && !name.includes(".mlp.");
    const bf16 = (tensors: Tensors): Tensors =>
      new Map(
        [...tensors].map(([name, { dtype, shape, data }]) => {
          if (kept(name)) return [name, { dtype, shape, data }];
          return [name, { dtype: "bfloat16", shape, data: fromFloat32(toFloat32(data, dtype), "bfloat16") }];
        }),
      );
    const widened = (tensors: Tensors): Tensors =>
      new Map(
        [...bf16(tensors)].map(([name, { dtype, shape, data }]) => [
          name,
          { dtype: "float32", shape, data: toFloat32(data, dtype) },
        ]),
      );
    const [short, long] = [await predictWith(changed(base.pi0, bf16)), await predictWith(changed(base.pi0, widened))];
    const exact = await expected("pi0");
    expect(short).toEqual(long);
    expect(short).not.toEqual(exact);
  });
});

const OBSERVATION = {
  images: {
    "observation.images.base_0_rgb": {
      width: 20,
      height: 10,
      data: Uint8Array.from({ length: 600 }, (_, i) => (i * 7) % 256),
    },
    "observation.images.right_wrist_0_rgb": { width: 42, height: 42, data: new Uint8Array(42 * 42 * 3).fill(90) },
  },
  state: Float32Array.of(0.1, -0.2, 0.3, 0, 0.5, -0.6, 0.2),
  instruction: "open the drawer",
};

async function withPolicy<T>(
  files: Files,
  use: (policy: PublishedPolicy) => Promise<T>,
  options: FamilyOptions = {},
): Promise<T> {
  const checkpoint = await open(files);
  const policy = await familyOf(checkpoint).open(checkpoint, engine, options);
  try {
    return await use(policy);
  } finally {
    await policy.close();
  }
}

function predictWith(files: Files): Promise<number[]> {
  return withPolicy(files, async (policy) => [...(await policy.predict(OBSERVATION, { seed: 1 })).actions]);
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BiddenError);
  return (error as BiddenError).message;
}

describe("what is refused", () => {
  it("an unknown name, a missing tensor and a swapped shape, each by name", async () => {
    const name = "model.paligemma_with_expert.gemma_expert.model.layers.1.mlp.up_proj.weight";
    const strange = changed(base.pi0, (tensors) => renamed(tensors, (n) => (n === name ? `${n}_2` : n)));
    expect(await refusal(open(strange).then((c) => pi0.open(c, engine)))).toMatch(
      /missing tensors: .*up_proj\.weight; tensors of unknown name: .*up_proj\.weight_2/,
    );
    const swapped = changed(base.pi0, (tensors) => {
      const { dtype, shape, data } = tensors.get(name) as TensorData;
      return new Map(tensors).set(name, { dtype, shape: shape.toReversed(), data });
    });
    expect(await refusal(open(swapped).then((c) => pi0.open(c, engine)))).toMatch(
      /up_proj\.weight": expected shape \[40, 24\]; came \[24, 40\] \(swapped\)/,
    );
  });

  it("the same weight under two names", async () => {
    const twice = changed(base.pi0, (tensors) =>
      new Map(tensors).set("action_in_proj.bias", tensors.get("model.action_in_proj.bias") as TensorData),
    );
    expect(await refusal(open(twice).then((c) => pi0.open(c, engine)))).toMatch(/same weight twice/);
  });

  it("π0.5 that nothing says the prompt of; with the answer it opens, and the answer matters", async () => {
    const silent = new Map(base.pi05);
    const pipeline = JSON.parse(Buffer.from(silent.get("policy_preprocessor.json") as Uint8Array).toString()) as {
      steps: { registry_name: string }[];
    };
    pipeline.steps = pipeline.steps.filter((step) => !step.registry_name.startsWith("pi05_"));
    silent.set("policy_preprocessor.json", Buffer.from(JSON.stringify(pipeline)));
    expect(await refusal(open(silent).then((c) => pi05.describe(c)))).toMatch(
      /state-in-prompt=true or state-in-prompt=false/,
    );
    const predict = async (answer: string): Promise<number[]> =>
      withPolicy(silent, async (policy) => [...(await policy.predict(OBSERVATION, { seed: 1 })).actions], {
        settings: { "state-in-prompt": answer },
      });
    expect(await predict("true")).toEqual(await expected("pi05"));
    expect(await predict("false")).not.toEqual(await expected("pi05"));
  });

  it("observations that do not fit: no picture, a strange camera, NaN, too many words", async () => {
    await withPolicy(base.pi0, async (policy) => {
      const predict = (change: object): Promise<unknown> => policy.predict({ ...OBSERVATION, ...change }, { seed: 1 });
      expect(await refusal(predict({ images: {} }))).toMatch(/came no picture/);
      expect(await refusal(predict({ images: { top: OBSERVATION.images["observation.images.base_0_rgb"] } }))).toMatch(
        /pictures of top/,
      );
      expect(await refusal(predict({ state: new Float32Array(7).fill(Number.NaN) }))).toMatch(/7 finite numbers/);
      expect(await refusal(predict({ instruction: "very ".repeat(40) }))).toMatch(/at most 36 tokens/);
    });
  });

  it("sizes that no shape tells and no file says", async () => {
    const files = new Map(base.pi0);
    files.delete("dims.json");
    expect(await refusal(open(files).then((c) => pi0.describe(c)))).toMatch(
      /vision\.num_attention_heads in dims\.json/,
    );
  });
});

describe("predictions", () => {
  it("the same for a seed, another for another; a camera that is gone changes it, one that never was does not", async () => {
    await withPolicy(base.pi05, async (policy) => {
      const actions = async (observation: typeof OBSERVATION, seed = 1): Promise<number[]> => [
        ...(await policy.predict(observation, { seed })).actions,
      ];
      const first = await actions(OBSERVATION);
      expect(first).toHaveLength(60);
      expect(await actions(OBSERVATION)).toEqual(first);
      expect(await actions(OBSERVATION, 2)).not.toEqual(first);
      const { "observation.images.base_0_rgb": only } = OBSERVATION.images;
      expect(
        await actions({
          ...OBSERVATION,
          images: { "observation.images.base_0_rgb": only },
        } as unknown as typeof OBSERVATION),
      ).not.toEqual(first);
    });
  });

  it("a special token in an instruction stays text", async () => {
    await withPolicy(base.pi0, async (policy) => {
      const said = async (instruction: string): Promise<number[]> => [
        ...(await policy.predict({ ...OBSERVATION, instruction }, { seed: 1 })).actions,
      ];
      expect(await said("<eos>")).not.toEqual(await said(""));
    });
  });

  it("guided chunking pulls the first actions to what is left of the old chunk", async () => {
    await withPolicy(base.pi05, async (policy) => {
      const previous = new Float32Array(8 * 6).fill(0.4);
      const realTime = {
        mode: "guided",
        previous,
        delay: 3,
        executionHorizon: 6,
        schedule: "exp",
        maxGuidanceWeight: 10,
      } as const;
      const free = await policy.predict(OBSERVATION, { seed: 1 });
      const pulled = await policy.predict(OBSERVATION, { seed: 1, realTime });
      const distance = (values: Float32Array): number =>
        values.slice(0, 18).reduce((sum, value) => sum + Math.abs(value - 0.4), 0);
      expect(distance(pulled.normalised)).toBeLessThan(distance(free.normalised) / 3);
      const held = await policy.predict(OBSERVATION, { seed: 1, realTime: { ...realTime, mode: "trained" } });
      expect(held.normalised.slice(0, 18)).toEqual(previous.slice(0, 18));
      expect(held.warnings.join()).toMatch(/trained for no delay; held are 3 actions/);
    });
  });

  it("made checkpoints of other sizes open and predict", async () => {
    const dims = {
      text: { width: 48, depth: 2, mlp_dim: 80, num_heads: 4, num_kv_heads: 2, head_dim: 12 },
      expert: { width: 16, depth: 2, mlp_dim: 24, num_heads: 4, num_kv_heads: 2, head_dim: 12 },
      chunk_size: 4,
      cameras: 3,
    };
    for (const family of [pi0, pi05]) {
      const made = madeFiles(family.make?.({ size: "tiny", dims, seed: 3 }) as Parameters<typeof madeFiles>[0]);
      await withPolicy(made, async (policy) => {
        const image = { width: 8, height: 6, data: new Uint8Array(144).fill(50) };
        const chunk = await policy.predict(
          { images: { "observation.images.base_0_rgb": image }, state: new Float32Array(8), instruction: "go" },
          { seed: 1 },
        );
        expect(chunk).toMatchObject({ horizon: 4, dim: 7, executable: true });
        expect(chunk.actions.every(Number.isFinite)).toBe(true);
        expect(policy.info).toMatchObject({ family: family.name, chunk: 4, cameras: { length: 3 } });
      });
    }
  });
});

describe("fewer bits", () => {
  /** Random weights err more than trained ones; what is held here is that nothing is swapped or scaled wrongly. */
  it.each([
    ["fp16", 2e-3],
    ["int8", 0.03],
    ["int4", 0.2],
  ] as const)("%s stays near float32", async (precision, bound) => {
    const chunk = (options: FamilyOptions): Promise<Float32Array> =>
      withPolicy(base.pi05, async (policy) => (await policy.predict(OBSERVATION, { seed: 1 })).normalised, options);
    const [exact, rough] = [await chunk({}), await chunk({ precision })];
    const rms = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    const error = rms(exact.map((value, i) => value - (rough[i] as number))) / rms(exact);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(bound);
  });
});
