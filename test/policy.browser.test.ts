/**
 * Policies think the same in a browser as in Node: the bundled one on an observation that goes to both, a published one on a
 * golden set. Needs a Chromium; without one it is skipped.
 */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WorldPlant } from "@bidden/eval";
import { loadTabletopPolicy } from "@bidden/models/node";
import type { ActionChunk, Observation, PolicyInfo } from "@bidden/runtime";
import { createScene, createWorld, stateVector } from "@bidden/sim";
import { readSafetensors } from "@bidden/tensor";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath } from "./chromium.ts";
import type { WireObservation, WirePublished, WireThought } from "./policy-page/page.ts";

const here = fileURLToPath(new URL("./policy-page/", import.meta.url));
/** What the page may fetch, by the first part of its path. */
const FOLDERS: Readonly<Record<string, string>> = {
  checkpoints: fileURLToPath(new URL("../packages/models/checkpoints/", import.meta.url)),
  published: fileURLToPath(new URL("../testdata/models/smolvla/", import.meta.url)),
  ort: dirname(createRequire(import.meta.url).resolve("onnxruntime-web")),
};
const TYPES: Readonly<Record<string, string>> = {
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};
const TOLERANCE = 1e-4;

describe.skipIf(executablePath === undefined)("policies in a browser", () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  const troubles: string[] = [];

  beforeAll(async () => {
    server = await serve(await bundle());
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox"] });
    page = await browser.newPage();
    page.on("pageerror", (error) => troubles.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test.each(["regression", "flow"])(
    "chunk and belief are Node's, within 1e-4: %s",
    async (head) => {
      const policy = await loadTabletopPolicy();
      const observation = await observe("put the yellow block on the orange plate", policy.info);
      const chunk = await policy.infer(observation, { seed: 7, head });
      await policy.close();
      const thought = await page.evaluate(([wire, name]) => window.infer(wire, name), [
        wireOf(observation),
        head,
      ] as const);
      expect(troubles).toEqual([]);
      expect(thought.modelDigest).toBe(chunk.origin.modelDigest);
      expect(apart(thought.values, chunk.values)).toBeLessThan(TOLERANCE);
      compareBeliefs(thought, chunk);
    },
    240_000,
  );

  test("SmolVLA acts as LeRobot computes it, within 1e-5", async () => {
    const { shown, actions } = await publishedCase();
    const came = await page.evaluate((wire) => window.predict(wire), shown);
    expect(troubles).toEqual([]);
    expect(apart(came, actions)).toBeLessThan(1e-5);
  }, 240_000);
});

/** The checkpoint of the golden set, and the first of its cases. */
const PUBLISHED = [
  "config.json",
  "dims.json",
  "model.safetensors",
  "policy_preprocessor.json",
  "policy_postprocessor.json",
  "policy_preprocessor_step_5_normalizer_processor.safetensors",
  "policy_postprocessor_step_0_unnormalizer_processor.safetensors",
  "tokenizer/tokenizer.json",
  "tokenizer/tokenizer_config.json",
];

async function publishedCase(): Promise<{ readonly shown: WirePublished; readonly actions: Float32Array }> {
  const { tensors } = readSafetensors(await readFile(join(FOLDERS.published as string, "golden.safetensors")));
  const values = (name: string): number[] => Array.from(tensors.get(name)?.data ?? [], Number);
  const image = (i: number): WirePublished["images"][string] => {
    const [height = 0, width = 0] = tensors.get(`raw/0/image.${i}`)?.shape ?? [];
    return { width, height, data: values(`raw/0/image.${i}`) };
  };
  const shown = {
    files: PUBLISHED,
    images: { "observation.images.top": image(0), "observation.images.wrist": image(1) },
    state: values("raw/0/state"),
    instruction: "pick up the red cube and place it in the box",
    noise: values("b1/noise"),
  };
  return { shown, actions: Float32Array.from(values("b1/actions")) };
}

function compareBeliefs({ belief: there }: WireThought, { belief: here }: ActionChunk): void {
  expect(there.intent.kind).toBe(here.intent.kind);
  expect(there.answer).toBe(here.answer);
  expect(Math.abs(there.done - here.done)).toBeLessThan(TOLERANCE);
  expect(there.pointing.map(({ channel }) => channel)).toEqual(here.pointing.map(({ channel }) => channel));
  for (const [i, { at, nowhere, heat }] of here.pointing.entries()) {
    const other = there.pointing[i]!;
    expect(other.at === null).toBe(at === null);
    expect(apart(other.at ?? [], at ?? [])).toBeLessThan(TOLERANCE);
    expect(Math.abs(other.nowhere - nowhere)).toBeLessThan(TOLERANCE);
    for (const [camera, { values }] of Object.entries(heat)) {
      expect(apart(other.heat[camera] ?? [], values)).toBeLessThan(TOLERANCE);
    }
  }
}

/** The largest difference; infinite where the lengths differ or a number is none. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    worst = difference <= worst ? worst : Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst;
}

/** What stands on the table of seed 7, seen by the policy's cameras. */
async function observe(instruction: string, { cameras, historyLength }: PolicyInfo): Promise<Observation> {
  const world = await createWorld();
  try {
    world.reset(createScene(7));
    const state = stateVector(world, 1);
    const history = Array.from({ length: historyLength }, () => state);
    const ask = { id: "o", captureNs: 0n, captureMs: 0, state, history, instruction, seed: 7 };
    return new WorldPlant(world, cameras).observe(ask);
  } finally {
    world.close();
  }
}

function wireOf({ captureNs: _now, cameras, state, history, ...rest }: Observation): WireObservation {
  const views = Object.entries(cameras).map(([name, { image, fovY, baseFromCamera }]) => {
    const { width, height, data } = image;
    return [name, { width, height, data: [...data], fovY, baseFromCamera: [...baseFromCamera] }] as const;
  });
  const past = history.map((earlier) => [...earlier]);
  return { ...rest, cameras: Object.fromEntries(views), state: [...state], history: past };
}

/** The page's one script. */
async function bundle(): Promise<string> {
  const output = await build({
    configFile: false,
    root: here,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      minify: false,
      rolldownOptions: { input: join(here, "page.ts"), output: { codeSplitting: false } },
    },
  });
  const [bundled] = Array.isArray(output) ? output : [output];
  const chunk = bundled !== undefined && "output" in bundled ? bundled.output[0] : undefined;
  expect(chunk?.type).toBe("chunk");
  return chunk?.code ?? "";
}

function serve(script: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = normalize(request.url ?? "/");
    const [, first = "", ...rest] = path.split("/");
    if (path === "/page.js") return void response.setHeader("content-type", "text/javascript").end(script);
    const folder = FOLDERS[first];
    if (folder === undefined) {
      response.setHeader("content-type", "text/html");
      return void response.end('<!doctype html><title>policy</title><script type="module" src="/page.js"></script>');
    }
    response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
    readFile(join(folder, ...rest)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
    return undefined;
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}
