/**
 * Builds the page: sources in, files out, by their paths. A build is kept in dist/ with the digest of what it was made
 * from, so that the next start is quick; where dist/ cannot be written, the page is built anew in memory each time.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { BiddenError } from "@bidden/runtime";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
const STAMP = "built-from.txt";
/** Packages whose version is part of what the page is made from. */
const INGREDIENTS = ["vite", "react", "three", "uplot"] as const;

export async function buildPage(): Promise<ReadonlyMap<string, Uint8Array>> {
  const digest = await sourceDigest();
  const kept = await readFolder(DIST);
  const stamp = kept.get(STAMP);
  if (stamp !== undefined && new TextDecoder().decode(stamp) === digest) return kept;
  const built = await build();
  await keep(built, digest).catch(() => undefined);
  return built;
}

async function sourceDigest(): Promise<string> {
  const hash = createHash("sha256");
  const files = new Map([...(await readFolder(join(ROOT, "src"))), ...(await readFolder(ROOT, false))]);
  for (const path of [...files.keys()].sort()) hash.update(`${path}\0`).update(files.get(path) ?? "");
  const require = createRequire(import.meta.url);
  for (const name of INGREDIENTS) hash.update(await readFile(join(packageRoot(require, name), "package.json")));
  return hash.digest("hex");
}

function packageRoot(require: NodeJS.Require, name: string): string {
  const folder = (require.resolve.paths(name) ?? [])
    .map((base) => join(base, name))
    .find((path) => isResolvable(require, path));
  if (folder === undefined)
    throw new BiddenError("not-found", `The package ${name} is not installed: run npm ci.`, { package: name });
  return folder;
}

function isResolvable(require: NodeJS.Require, folder: string): boolean {
  try {
    require.resolve(join(folder, "package.json"));
    return true;
  } catch {
    return false;
  }
}

async function build(): Promise<Map<string, Uint8Array>> {
  const vite = await import("vite");
  const configFile = join(ROOT, "vite.config.ts");
  const output = await vite.build({ configFile, root: ROOT, logLevel: "error", build: { write: false } });
  const bundles = Array.isArray(output) ? output : [output];
  const files = new Map<string, Uint8Array>();
  for (const bundle of bundles) {
    if (!("output" in bundle))
      throw new BiddenError("internal", "internal: the page's build watches instead of building");
    for (const file of bundle.output) {
      const content = file.type === "chunk" ? file.code : file.source;
      files.set(file.fileName, typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
  }
  return files;
}

/** The stamp goes last: a build that was cut off has none and is made again. */
async function keep(files: ReadonlyMap<string, Uint8Array>, digest: string): Promise<void> {
  await rm(DIST, { recursive: true, force: true });
  for (const [path, content] of files) {
    await mkdir(dirname(join(DIST, path)), { recursive: true });
    await writeFile(join(DIST, path), content);
  }
  await writeFile(join(DIST, STAMP), digest);
}

/** Paths with forward slashes, relative to the folder; empty where there is none. */
async function readFolder(folder: string, deep = true): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const entries = await readdir(folder, { recursive: deep, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path).split(sep).join("/"), await readFile(path));
  }
  return files;
}
