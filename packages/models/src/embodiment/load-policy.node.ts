/** Any policy from disk: a folder of the tabletop policy, or a published checkpoint of any family. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BiddenError, messageOf, type Policy } from "@bidden/runtime";
import type { SessionOptions } from "@bidden/tensor";
import { Fields, parseJson } from "../checkpoint/json.ts";
import { nodeEngine } from "../checkpoint/load.node.ts";
import { openFolder } from "../golden-sets/check.node.ts";
import { pulledFolder, receiptOf } from "../hub/cache.node.ts";
import { loadTabletopPolicy } from "../tabletop/load.node.ts";
import { type LoadOptions, loadPolicyFrom } from "./load-policy.ts";
import { type EmbodimentMap, readEmbodimentMap } from "./match.ts";

/**
 * @param source "tabletop" (the bundled one), a folder, a safetensors file, or a repository that was pulled
 */
export async function loadPolicy(
  source: string,
  options: LoadOptions & { readonly session?: SessionOptions },
): Promise<Policy> {
  if (source === "tabletop") return loadTabletopPolicy(undefined, options.session);
  const path = existsSync(source) ? source : pulledFolder(source);
  if (path === null) {
    throw new BiddenError("not-found", `There is no file or folder "${source}", and no such checkpoint was pulled.`, {
      source,
    });
  }
  if (isTabletop(path)) return loadTabletopPolicy(path, options.session);
  const checkpoint = await openFolder(path);
  try {
    const precision = options.precision ?? receiptOf(path)?.precision ?? "fp32";
    return await loadPolicyFrom(checkpoint, nodeEngine(options.session ?? {}), { ...options, precision });
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}

/** The embodiment map of a file. */
export function embodimentMapAt(path: string): EmbodimentMap {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new BiddenError("not-found", `The map "${path}" could not be read: ${messageOf(error)}.`, { path }, error);
  }
  return readEmbodimentMap(new Fields(parseJson(text, path), path));
}

/** bidden's own layout, whose config.json no other family has. */
function isTabletop(folder: string): boolean {
  const path = join(folder, "config.json");
  if (!existsSync(path)) return false;
  try {
    return new Fields(parseJson(readFileSync(path, "utf8"), path), path).has("textWidth");
  } catch {
    return false;
  }
}
