/**
 * Policies in a page: the same code as in Node, weights fetched, graphs on WebAssembly. The browser test calls `window.infer`
 * (the bundled policy) and `window.predict` (a published one) with observations that were made in Node.
 */
import {
  createMinilm,
  createTabletop,
  type Calibration,
  familyOf,
  memorySource,
  openCheckpoint,
  type TabletopConfig,
} from "@bidden/models";
import type { Belief, CameraView, Observation } from "@bidden/runtime";
import { createSession, setWasmPath, setWasmThreads } from "@bidden/tensor/web";

type WireView = Pick<CameraView, "fovY"> & {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
  readonly baseFromCamera: readonly number[];
};

/** An observation as plain JSON. */
export type WireObservation = Omit<Observation, "captureNs" | "cameras" | "state" | "history"> & {
  readonly cameras: Readonly<Record<string, WireView>>;
  readonly state: readonly number[];
  readonly history: readonly (readonly number[])[];
};

/** What a policy answers, as plain JSON. */
export type WireThought = {
  readonly values: readonly number[];
  readonly modelDigest: string;
  readonly belief: Omit<Belief, "pointing"> & {
    readonly pointing: readonly {
      readonly channel: string;
      readonly at: readonly number[] | null;
      readonly nowhere: number;
      readonly heat: Readonly<Record<string, readonly number[]>>;
    }[];
  };
};

/** What a published policy is shown, as plain JSON. */
export type WirePublished = {
  /** Paths of the checkpoint's files below "published/". */
  readonly files: readonly string[];
  readonly images: Readonly<
    Record<string, { readonly width: number; readonly height: number; readonly data: readonly number[] }>
  >;
  readonly state: readonly number[];
  readonly instruction: string;
  readonly noise: readonly number[];
};

declare global {
  interface Window {
    infer: (observation: WireObservation, head: string) => Promise<WireThought>;
    /** Actions of a published policy. */
    predict: (shown: WirePublished) => Promise<readonly number[]>;
  }
}

const bytes = async (path: string): Promise<Uint8Array> => new Uint8Array(await (await fetch(path)).arrayBuffer());
/** Null where there is none. */
const json = async (path: string): Promise<unknown> => {
  const response = await fetch(path);
  return response.ok ? response.json() : null;
};

async function openPolicy(): ReturnType<typeof createTabletop> {
  const [words, tokenizer, weights, config, calibration] = await Promise.all([
    bytes("checkpoints/minilm/model.safetensors"),
    fetch("checkpoints/minilm/tokenizer.json").then((response) => response.text()),
    bytes("checkpoints/tabletop/model.safetensors"),
    json("checkpoints/tabletop/config.json"),
    json("checkpoints/tabletop/calibration.json"),
  ]);
  const encoder = await createMinilm({ weights: words, tokenizer }, createSession);
  const files = { weights, config: config as TabletopConfig };
  const thresholds = calibration === null ? {} : { calibration: calibration as Calibration };
  return createTabletop({ ...files, ...thresholds }, encoder, createSession);
}

function observationOf(wire: WireObservation): Observation {
  const views = Object.entries(wire.cameras).map(([name, { width, height, data, fovY, baseFromCamera }]) => {
    const image = { width, height, data: Uint8Array.from(data) };
    return [name, { image, fovY, baseFromCamera: Float64Array.from(baseFromCamera) }] as const;
  });
  return {
    ...wire,
    captureNs: 0n,
    cameras: Object.fromEntries(views),
    state: Float32Array.from(wire.state),
    history: wire.history.map((state) => Float32Array.from(state)),
  };
}

setWasmPath("/ort/");
setWasmThreads(1);
let opening: ReturnType<typeof openPolicy> | null = null;

window.infer = async (wire, head) => {
  opening ??= openPolicy();
  const policy = await opening;
  const { values, origin, belief } = await policy.infer(observationOf(wire), { seed: 7, head });
  const pointing = belief.pointing.map(({ heat, ...rest }) => {
    const arrays = Object.entries(heat).map(([name, map]) => [name, [...map.values]] as const);
    return { ...rest, heat: Object.fromEntries(arrays) };
  });
  return { values: [...values], modelDigest: origin.modelDigest, belief: { ...belief, pointing } };
};

window.predict = async ({ files, images, state, instruction, noise }) => {
  const fetched = await Promise.all(files.map(async (file) => [file, await bytes(`published/${file}`)] as const));
  const checkpoint = await openCheckpoint(memorySource(new Map(fetched)));
  const policy = await familyOf(checkpoint).open(checkpoint, { openSession: createSession, options: {} });
  const seen = Object.entries(images).map(([name, { width, height, data }]) => {
    return [name, { width, height, data: Uint8Array.from(data) }] as const;
  });
  const observation = { images: Object.fromEntries(seen), state: Float32Array.from(state), instruction };
  const { actions } = await policy.predict(observation, { seed: 0, noise: Float32Array.from(noise) });
  await policy.close();
  return [...actions];
};
