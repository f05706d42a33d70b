// Hooks by which a Node that cannot read TypeScript loads it: each file is turned into JavaScript once (by the esbuild that tsx
// brings) and kept in .cache/ by path, time and size. As tsx does it, but nothing is loaded that is not needed, which halves the start.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const CACHE = fileURLToPath(new URL("../../../.cache/typescript/", import.meta.url));
/** Another number for every change of what is made of a file. */
const FORM = 1;

export async function load(url, context, next) {
  if (!url.startsWith("file:") || !/\.tsx?$/.test(url)) return next(url, context);
  const path = fileURLToPath(url);
  const { mtimeMs, size } = await stat(path);
  const key = createHash("sha256").update(`${FORM}\n${path}\n${mtimeMs}\n${size}`).digest("hex");
  const kept = `${CACHE}${key}.js`;
  const source = await readFile(kept, "utf8").catch(() => translate(path, kept));
  return { format: "module", shortCircuit: true, source };
}

async function translate(path, kept) {
  const esbuild = createRequire(createRequire(import.meta.url).resolve("tsx/package.json")).resolve("esbuild");
  const { transform } = await import(pathToFileURL(esbuild).href);
  const { code } = await transform(await readFile(path, "utf8"), {
    loader: path.endsWith("x") ? "tsx" : "ts",
    jsx: "automatic",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    sourcefile: pathToFileURL(path).href,
  });
  const own = `${kept}.${process.pid}`;
  // A cache that cannot be written (a folder of somebody else) only costs time.
  await mkdir(CACHE, { recursive: true })
    .then(() => writeFile(own, code))
    .then(() => rename(own, kept))
    .catch(() => undefined);
  return code;
}
