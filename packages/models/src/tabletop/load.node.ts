/** Opens tabletop checkpoints from folders; without one, the bundled policy. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { SessionOptions } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { loadMinilm } from "../text/minilm.node.ts";
import type { Calibration } from "./belief.ts";
import type { TabletopConfig } from "./config.ts";
import { createTabletop, type TabletopPolicy } from "./policy.ts";

const BUNDLED = fileURLToPath(new URL("../../checkpoints/tabletop/", import.meta.url));

/** @param folder with model.safetensors and config.json, as `bidden train` writes it. */
export async function loadTabletopPolicy(
  folder: string = BUNDLED,
  options: SessionOptions = { threads: 1 },
): Promise<TabletopPolicy> {
  const read = (name: string): Uint8Array => {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      throw new BiddenError(
        "bad-checkpoint",
        `"${folder}" is no tabletop checkpoint: ${messageOf(error)}.`,
        { folder, name },
        error,
      );
    }
  };
  const json = (name: string): unknown => {
    try {
      return JSON.parse(new TextDecoder().decode(read(name)));
    } catch (error) {
      if (error instanceof BiddenError) throw error;
      throw new BiddenError(
        "bad-checkpoint",
        `${name} of "${folder}" is not JSON: ${messageOf(error)}.`,
        { folder },
        error,
      );
    }
  };
  const files = {
    weights: read("model.safetensors"),
    config: json("config.json") as TabletopConfig,
    ...(existsSync(join(folder, "calibration.json")) ? { calibration: json("calibration.json") as Calibration } : {}),
  };
  return createTabletop(files, await loadMinilm(options), createSession, options);
}
