/**
 * Robot demonstrations in HDF5 (data.md 3.5): robomimic and LIBERO (`data/demo_i/...`, one file a task), ALOHA/ACT
 * (`observations/...`, `action`, one file an episode), DROID (`trajectory.h5`). Columns are named by their path within the
 * episode, such as "obs/agentview_rgb".
 */

import { BiddenError } from "@bidden/runtime";
import { type ArrayNode, type ArrayTree, arrayColumn, encodedPictures } from "../arrays/tree.ts";
import type { ColumnarSource, SourceColumn, SourceEpisode } from "../dataset/columnar.ts";

type Layout = Omit<ColumnarSource, "path" | "close">;

/** @throws `unsupported` for files of another layout, with what is in them. */
export async function readLayout(tree: ArrayTree): Promise<Layout> {
  const paths = new Set(tree.arrays.map((node) => node.path));
  const has = (prefix: string): boolean => tree.arrays.some((node) => node.path.startsWith(prefix));
  if (has("data/demo_")) return robomimic(tree);
  if (paths.has("action") && has("observations/")) return aloha(tree);
  if (has("action/") && has("observation/")) return droid(tree);
  const some = tree.arrays.slice(0, 8).map((node) => node.path);
  throw new BiddenError(
    "unsupported",
    `${tree.root} is no HDF5 layout that bidden knows (robomimic, LIBERO, ALOHA, DROID); it holds ${some.join(", ") || "no arrays"}.`,
    { path: tree.root },
  );
}

/** All arrays below `prefix` that have a row for every frame. */
function columnsBelow(tree: ArrayTree, prefix: string, frames: number): Map<string, SourceColumn> {
  const out = new Map<string, SourceColumn>();
  for (const node of tree.arrays) {
    if (!node.path.startsWith(prefix) || node.shape[0] !== frames) continue;
    out.set(node.path.slice(prefix.length), arrayColumn(node, 0, tree.root));
  }
  return out;
}

function framesOf(node: ArrayNode | undefined, tree: ArrayTree, where: string): number {
  const frames = node?.shape[0];
  if (frames !== undefined) return frames;
  throw new BiddenError("bad-dataset", `${tree.root}: ${where} has no actions.`, { path: tree.root });
}

function parseObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "string") return {};
  try {
    const json: unknown = JSON.parse(value);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function robomimic(tree: ArrayTree): Layout {
  const shared = tree.attributes("data");
  const env = parseObject(shared["env_args"]);
  const kwargs = env["env_kwargs"] as Record<string, unknown> | undefined;
  const instruction = parseObject(shared["problem_info"])["language_instruction"];
  const libero = instruction !== undefined;
  const demos = [...new Set(tree.arrays.map((node) => /^data\/(demo_\d+)\//.exec(node.path)?.[1] ?? ""))].filter(
    (d) => d !== "",
  );
  demos.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  const robots = kwargs?.["robots"];
  return {
    format: libero ? "hdf5-libero" : "hdf5-robomimic",
    robotType: Array.isArray(robots) ? robots.join(", ") : null,
    fps: typeof kwargs?.["control_freq"] === "number" ? kwargs["control_freq"] : null,
    episodes: demos.map((demo): SourceEpisode => {
      const prefix = `data/${demo}/`;
      const frames = framesOf(
        tree.arrays.find((node) => node.path === `${prefix}actions`),
        tree,
        demo,
      );
      return {
        length: frames,
        task: typeof instruction === "string" ? instruction : "",
        extra: { demo, ...tree.attributes(`data/${demo}`) },
        columns: columnsBelow(tree, prefix, frames),
      };
    }),
  };
}

async function aloha(tree: ArrayTree): Promise<Layout> {
  const frames = framesOf(
    tree.arrays.find((node) => node.path === "action"),
    tree,
    "the episode",
  );
  const columns = columnsBelow(tree, "", frames);
  columns.delete("compress_len");
  const lengths = tree.arrays.find((node) => node.path === "compress_len");
  const cameras = tree.arrays.filter((node) => node.path.startsWith("observations/images/"));
  for (const [camera, node] of cameras.entries()) {
    if (node.dtype !== "uint8" || node.shape.length !== 2) continue;
    // Row `camera` of [cameras, frames].
    const row = lengths === undefined ? null : await lengths.rows(camera, camera + 1);
    columns.set(node.path, encodedPictures(node, row === null ? null : Array.from(row, Number), tree.root));
  }
  const episode: SourceEpisode = { length: frames, task: "", extra: { ...tree.attributes("") }, columns };
  // ACT records and plays at 50 Hz (DT = 0.02 in its constants).
  return { format: "hdf5-aloha", robotType: "aloha", fps: 50, episodes: [episode] };
}

function droid(tree: ArrayTree): Layout {
  const frames = framesOf(
    tree.arrays.find((node) => node.path.startsWith("action/")),
    tree,
    "the trajectory",
  );
  const attributes = tree.attributes("");
  const task = attributes["current_task"];
  const episode: SourceEpisode = {
    length: frames,
    task: typeof task === "string" ? task : "",
    extra: { ...attributes },
    columns: columnsBelow(tree, "", frames),
  };
  return { format: "hdf5-droid", robotType: "droid (Franka)", fps: 15, episodes: [episode] };
}
