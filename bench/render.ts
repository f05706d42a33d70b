/**
 * One camera frame with light and shadow: bidden's ray-cast cameras beside MuJoCo's own software renderer (OSMesa), the same
 * scenes, poses and camera, in turns on the same machine.
 *
 *   npx tsx bench/render.ts [--python PATH] [--scenes 12]
 *
 * PATH is a Python with mujoco and PyOpenGL (`python3 -m venv v && v/bin/pip install mujoco PyOpenGL`; `apt-get install
 * libosmesa6`). Without it only our own figures are printed.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createScene, createWorld, panda, sceneMjcf, type World } from "@bidden/sim";

const SIZES = [
  { camera: "front", width: 96, height: 96 },
  { camera: "front", width: 112, height: 80 },
  { camera: "wrist", width: 64, height: 64 },
] as const;

const REPEATS = 20;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** Median milliseconds of one frame of ours. */
function frameMs(world: World, size: (typeof SIZES)[number], shadows = true): number {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    world.render(size.camera, size, { shadows });
    times.push(performance.now() - start);
  }
  return median(times);
}

/** Prints what 100 ms of physics cost by the number of things. */
function physicsFigures(world: World): void {
  for (const objectCount of [3, 5, 8]) {
    const times: number[] = [];
    for (let seed = 0; seed < 10; seed++) {
      world.reset(createScene(seed, { objectCount }));
      world.step(200);
      for (let i = 0; i < 5; i++) {
        const start = performance.now();
        world.step(100);
        times.push(performance.now() - start);
      }
    }
    console.log(`physics, 100 ms, ${objectCount} things`.padEnd(44), median(times).toFixed(2).padStart(8), "ms");
  }
}

/** The world as the peer needs it: our MJCF with the front camera, a lamp with a shadow, and the joint positions. */
function exportScene(world: World, folder: string): string {
  const view = world.render("front", { width: 96, height: 96 });
  const pose = view.baseFromCamera;
  const column = (index: number): string => [pose[index], pose[4 + index], pose[8 + index]].join(" ");
  const light = world.scene.look.lightDirection;
  const place = light.map((value, axis) => 3 * value + (axis === 0 ? 0.45 : 0));
  const extras = `<light directional="true" castshadow="true" pos="${place.join(" ")}" dir="${light.map((value) => -value).join(" ")}"/>
<camera name="front" pos="${column(3)}" xyaxes="${column(0)} ${column(1)}" fovy="${(view.fovY * 180) / Math.PI}"/>`;
  const file = join(folder, `${world.scene.seed}.json`);
  const mjcf = sceneMjcf(panda, world.scene).replace("<worldbody>", `<worldbody>${extras}`);
  writeFileSync(file, JSON.stringify({ mjcf, state: [...world.snapshot().state] }));
  return file;
}

/** The peer process: one line in (a scene's file), one line out (median ms of one frame, as JSON by quality). */
function startPeer(python: string) {
  const script = fileURLToPath(new URL("render-peer.py", import.meta.url));
  const peer = spawn(python, [script, String(REPEATS)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  return {
    async ask(file: string): Promise<Record<string, number>> {
      peer.stdin.write(`${file}\n`);
      const answer = await lines.next();
      return answer.done === true ? {} : (JSON.parse(answer.value) as Record<string, number>);
    },
    async close(): Promise<void> {
      peer.stdin.end();
      await once(peer, "exit");
    },
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { python: { type: "string" }, scenes: { type: "string", default: "12" } },
  });
  const folder = mkdtempSync(join(tmpdir(), "bidden-render-"));
  const peer = values.python === undefined ? null : startPeer(values.python);
  const world = await createWorld();
  physicsFigures(world);
  const times = new Map<string, number[]>();
  const note = (name: string, ms: number): void => void times.set(name, [...(times.get(name) ?? []), ms]);
  for (let seed = 0; seed < Number(values.scenes); seed++) {
    world.reset(createScene(seed));
    world.step(500);
    for (const size of SIZES) {
      note(`${size.camera} ${size.width}x${size.height}`, frameMs(world, size));
      note(`${size.camera} ${size.width}x${size.height}, no shadow`, frameMs(world, size, false));
    }
    if (peer === null) continue;
    for (const [quality, ms] of Object.entries(await peer.ask(exportScene(world, folder)))) {
      note(`MuJoCo OSMesa 96x96, ${quality}`, ms);
    }
  }
  await peer?.close();
  rmSync(folder, { recursive: true });
  const ours = median(times.get("front 96x96") ?? []);
  for (const [name, list] of times) {
    const ratio = name.startsWith("MuJoCo") ? `  ${(median(list) / ours).toFixed(1)}x ours` : "";
    console.log(`${name.padEnd(44)} ${median(list).toFixed(2).padStart(8)} ms${ratio}`);
  }
  world.close();
}

await main();
