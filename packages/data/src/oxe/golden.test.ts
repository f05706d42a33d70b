import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GoldenArray, readJson, readSafetensors } from "../golden.test-kit.ts";
import { binarize, relativeToAbsolute, standardGripper } from "./gripper.ts";
import { planMixture } from "./mixtures.ts";
import { denormalise, normalise, type Normalisation, type NormalisationStats } from "./normalise.ts";
import { RECIPES } from "./recipes.ts";
import { OXE_DATASETS } from "./registry.ts";
import {
  eulerFromMatrix,
  eulerFromQuaternion,
  matrixFromEuler,
  matrixFromQuaternion,
  matrixFromSix,
  quaternionFromMatrix,
  quaternionFromRotationVector,
  rotationVectorFromQuaternion,
  sixFromMatrix,
} from "./rotations.ts";
import { type OxeColumns, type OxeProject, standardise } from "./standardise.ts";

type Pairs = { in: number[]; out: number[] }[];
type Expected = {
  configs: Record<string, Record<string, unknown> & { episodes: number }>;
  gripper_helpers: Record<string, Pairs>;
  mixture: Record<
    "balanced" | "unbalanced",
    { weights_in: number[]; names: string[]; sample_weights: number[]; dataset_len?: number; balance_weights: boolean }
  > & {
    statistics: Record<string, { num_transitions: number }>;
  };
};

const GOLDEN = (["openvla", "octo"] as const).map(
  (project) =>
    [project, readJson(`oxe/${project}.json`) as Expected, readSafetensors(`oxe/${project}.safetensors`)] as const,
);

/** The inputs of one episode as columns. */
function inputs(arrays: ReadonlyMap<string, GoldenArray>, config: Record<string, unknown>, prefix: string): OxeColumns {
  const key = (name: string) =>
    [...arrays.keys()].find((k) => k.startsWith(prefix) && k.slice(prefix.length).replaceAll("|", "/") === name);
  const lengths = [...arrays].filter(([k]) => k.startsWith(prefix)).map(([, array]) => array.shape[0] ?? 0);
  return {
    length: lengths[0] ?? 0,
    numbers: (name) => {
      // kuka's are compressed texts here; what they decode to is the RLDS reader's test.
      const decoded = GOLDEN[0]?.[2].get(`${prefix.replace("|in|", "|out|")}${name.replace("/", "|")}`);
      const array = (arrays.get(key(name) ?? "") ?? decoded) as GoldenArray;
      const width = array.shape.slice(1).reduce((product, n) => product * n, 1);
      return { width, values: Float32Array.from(array.values as ArrayLike<number | bigint>, Number) };
    },
    texts: (name) => (config[`${prefix}${name.replaceAll("/", "|")}`] as string[] | undefined) ?? null,
  };
}

/** What openvla's configurations put together (state_obs_keys); null is padding. */
const STATE_KEYS: Readonly<Record<string, readonly (string | null)[]>> = {
  austin_sailor_dataset_converted_externally_to_rlds: ["state"],
  bc_z: ["present/xyz", "present/axis_angle", null, "present/sensed_close"],
  berkeley_autolab_ur5: ["state"],
  berkeley_cable_routing: ["robot_state", null],
  berkeley_fanuc_manipulation: ["joint_state", null, "gripper_state"],
  bridge_dataset: ["EEF_state", null, "gripper_state"],
  droid: ["proprio"],
  fractal20220817_data: ["base_pose_tool_reached", "gripper_closed"],
  furniture_bench_dataset_converted_externally_to_rlds: ["state"],
  iamlab_cmu_pickup_insert_converted_externally_to_rlds: ["joint_state", "gripper_state"],
  jaco_play: ["state_eef", null, "state_gripper"],
  kuka: ["clip_function_input/base_pose_tool_reached", "gripper_closed"],
  language_table: ["effector_translation", null, null, null, null, null, null],
  libero_spatial_no_noops: ["EEF_state", null, "gripper_state"],
  roboturk: [null, null, null, null, null, null, null, null],
  stanford_hydra_dataset_converted_externally_to_rlds: ["eef_state", null, "gripper_state"],
  taco_play: ["state_eef", null, "state_gripper"],
  toto: ["state", null],
  utaustin_mutex: ["state"],
  viola: ["joint_states", "gripper_states"],
};

function expectedProprio(
  name: string,
  project: OxeProject,
  arrays: ReadonlyMap<string, GoldenArray>,
  prefix: string,
): { width: number; values: number[] } {
  const frames = arrays.get(prefix.replace("observation|", "action"))?.shape[0] ?? 0;
  const keys = project === "octo" ? ["proprio"] : (STATE_KEYS[name] ?? []);
  const rows = Array.from({ length: frames }, (_, frame) =>
    keys.flatMap((key) => {
      if (key === null) return [0];
      const { shape, values } = arrays.get(`${prefix}${key}`) as GoldenArray;
      const width = shape[1] ?? 1;
      return Array.from(values.subarray(frame * width, (frame + 1) * width), Number);
    }),
  );
  return { width: rows[0]?.length ?? 0, values: rows.flat() };
}

/** Largest difference, relative to 1 or the value. */
function apart(ours: ArrayLike<number>, theirs: ArrayLike<number | bigint>): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < ours.length; i++) {
    const truth = Number(theirs[i]);
    worst = Math.max(worst, Math.abs((ours[i] as number) - truth) / Math.max(1, Math.abs(truth)));
  }
  return worst;
}

describe.each(GOLDEN)("Open X-Embodiment as %s does it", (project: OxeProject, expected, arrays) => {
  it.each(Object.keys(expected.configs))("%s: actions and sentences", (name) => {
    const config = expected.configs[name] as Expected["configs"][string];
    for (let episode = 0; episode < config.episodes; episode++) {
      const result = standardise(name, inputs(arrays, config, `${name}|${episode}|in|`), project);
      const truth = arrays.get(`${name}|${episode}|out|action`) as GoldenArray;
      expect([result.actions.values.length / result.actions.width, result.actions.width]).toEqual(truth.shape);
      const euler = RECIPES[name]?.action.some((term) => "euler" in term) === true;
      expect(apart(result.actions.values, truth.values)).toBeLessThan(euler ? 1e-5 : 1e-6);
      const proprio = expectedProprio(name, project, arrays, `${name}|${episode}|out|observation|`);
      expect(result.proprio?.width).toBe(proprio.width);
      expect(apart(result.proprio?.values ?? [], proprio.values)).toBeLessThan(1e-6);
      const sentences = config[`${name}|${episode}|out|language_instruction`];
      // language_table's sentence is decoded by the RLDS reader; its test compares it.
      const own = name === "language_table" ? sentences : result.instructions;
      expect(own).toEqual(sentences ?? result.instructions);
    }
  });

  it("grippers", () => {
    for (const { in: values, out } of expected.gripper_helpers["rel2abs_gripper_actions"] ?? []) {
      expect(Array.from(relativeToAbsolute(Float32Array.from(values)))).toEqual(out);
    }
    for (const { in: values, out } of expected.gripper_helpers["binarize_gripper_actions"] ?? []) {
      expect(Array.from(binarize(Float32Array.from(values)))).toEqual(Array.from(Float32Array.from(out)));
    }
    for (const { in: values, out } of expected.gripper_helpers["invert_gripper_actions"] ?? []) {
      expect(Array.from(standardGripper(Float32Array.from(values), "invert"))).toEqual(out);
    }
  });

  it.each(["nomask", "mask"])("normalisation, %s", (masked) => {
    const kinds: [string, Normalisation][] =
      project === "octo"
        ? [
            ["normal", "octo-normal"],
            ["bounds", "octo-bounds"],
          ]
        : [
            ["normal", "openvla-normal"],
            ["bounds", "openvla-bounds"],
            ["bounds_q99", "openvla-bounds-q99"],
          ];
    for (const [label, kind] of kinds) {
      for (const what of ["action", "proprio"]) {
        const stat = (name: string) => Array.from(arrays.get(`norm|stats|${what}|${name}`)?.values ?? [], Number);
        const dims = stat("mean").length;
        const stats: NormalisationStats = {
          mean: stat("mean"),
          std: stat("std"),
          min: stat("min"),
          max: stat("max"),
          q01: stat("q01"),
          q99: stat("q99"),
          ...(masked === "mask" && what === "action"
            ? { mask: Array.from({ length: dims }, (_, d) => d < dims - 1) }
            : {}),
        };
        const input = Float32Array.from(arrays.get(`norm|in|${what}`)?.values as Float32Array);
        const truth = arrays.get(`norm|${label}|${masked}|${what}`)?.values as Float32Array;
        expect(apart(normalise(input, stats, kind), truth), `${kind} ${what}`).toBeLessThan(2e-6);
      }
    }
  });

  it.each(["balanced", "unbalanced"] as const)("mixture, %s", (which) => {
    const { names, weights_in, sample_weights, dataset_len, balance_weights } = expected.mixture[which];
    const parts = names.map((name, i) => ({
      name,
      weight: weights_in[i] as number,
      transitions: expected.mixture.statistics[name]?.num_transitions ?? 0,
    }));
    const plan = planMixture(parts, { balance: balance_weights });
    expect(apart(plan.shares, sample_weights)).toBeLessThan(1e-12);
    expect(dataset_len ?? plan.epochLength).toBe(plan.epochLength);
  });
});

describe("rotations", () => {
  const angle = fc.double({ min: -3, max: 3, noNaN: true });
  const quaternion = fc
    .tuple(angle, angle, angle, angle)
    .filter((q) => Math.hypot(...q) > 0.1)
    .map((q) => q.map((v) => v / Math.hypot(...q)) as [number, number, number, number]);
  const close = (a: readonly number[], b: readonly number[], tolerance = 1e-9) =>
    a.every((value, i) => Math.abs(value - (b[i] as number)) < tolerance);

  it("every way there and back is the same rotation", () => {
    fc.assert(
      fc.property(quaternion, (q) => {
        const m = matrixFromQuaternion(q);
        expect(close(matrixFromQuaternion(quaternionFromMatrix(m)), m)).toBe(true);
        // Within 1e-9 of gimbal lock in its sine, pitch is taken as a right angle, as the reference does: 4.5e-5 at most.
        expect(close(matrixFromEuler(eulerFromMatrix(m)), m, 1e-4)).toBe(true);
        expect(close(matrixFromQuaternion(quaternionFromRotationVector(rotationVectorFromQuaternion(q))), m)).toBe(
          true,
        );
        expect(close(matrixFromSix(sixFromMatrix(m)), m)).toBe(true);
      }),
    );
  });

  it("known rotations", () => {
    const half = Math.SQRT1_2;
    expect(close(eulerFromQuaternion([0, 0, half, half]), [0, 0, Math.PI / 2])).toBe(true);
    expect(close(eulerFromQuaternion([half, 0, 0, half]), [Math.PI / 2, 0, 0])).toBe(true);
    expect(close(rotationVectorFromQuaternion([0, -1, 0, 0]), [0, -Math.PI, 0])).toBe(true);
  });
});

describe("the tables", () => {
  it("have a recipe for every dataset whose actions are an end effector's, base robots aside", () => {
    const without = Object.entries(OXE_DATASETS).filter(
      ([name, { action }]) => action === "end-effector" && RECIPES[name] === undefined,
    );
    expect(without.map(([name]) => name)).toEqual([
      "berkeley_gnm_recon",
      "berkeley_gnm_cory_hall",
      "berkeley_gnm_sac_son",
    ]);
  });

  it("normalising and back is the identity inside the bounds", () => {
    const stats = { mean: [0.5, 2], std: [0.2, 3], min: [0, -1], max: [1, 5], q01: [0.01, -0.5], q99: [0.99, 4.5] };
    const values = Float32Array.of(0.3, 2, 0.8, 4);
    for (const kind of [
      "openvla-normal",
      "openvla-bounds",
      "openvla-bounds-q99",
      "octo-normal",
      "octo-bounds",
    ] as const) {
      expect(apart(denormalise(normalise(values, stats, kind), stats, kind), values)).toBeLessThan(1e-5);
    }
  });
});
