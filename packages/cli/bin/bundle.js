// The program as one bundle, for a Node that cannot read TypeScript: made by the esbuild that tsx brings when a source file is
// new or changed, and kept in .cache/. Loading some 200 files one by one, as hooks do it, takes half of a short command's time.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const CACHE = join(ROOT, ".cache/bundle");
const MANIFEST = join(CACHE, "manifest.json");
/** Another number for every change of how a bundle is made. */
const FORM = 1;
/** A process that runs for long loads parts of an old bundle late. */
const KEPT_MS = 24 * 3600 * 1000;

/** The URL of the bundle's entry, up to date. Throws where none can be made. */
export async function bundled() {
  return (known() ?? (await make())).href;
}

/** The bundle on disk, unless a source of it has changed since. */
function known() {
  try {
    const { form, folder, sources } = JSON.parse(readFileSync(MANIFEST, "utf8"));
    if (form !== FORM) return null;
    for (const [path, stamp] of Object.entries(sources)) if (stampOf(path) !== stamp) return null;
    const entry = join(CACHE, folder, "main.mjs");
    statSync(entry);
    return pathToFileURL(entry);
  } catch {
    return null;
  }
}

function stampOf(path) {
  const { mtimeMs, size } = statSync(join(ROOT, path));
  return `${mtimeMs} ${size}`;
}

async function make() {
  const esbuild = createRequire(createRequire(import.meta.url).resolve("tsx/package.json")).resolve("esbuild");
  const { build } = await import(pathToFileURL(esbuild).href);
  const folder = `${Date.now()}-${process.pid}`;
  mkdirSync(CACHE, { recursive: true });
  const { metafile } = await build({
    entryPoints: [MAIN],
    absWorkingDir: ROOT,
    outdir: join(CACHE, folder),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    jsx: "automatic",
    logLevel: "silent",
    plugins: [ownSources],
  });
  // Another process that began at the same time was quicker: all go by one bundle.
  const other = known();
  if (other !== null) {
    rmSync(join(CACHE, folder), { recursive: true, force: true });
    return other;
  }
  const packages = readdirSync(join(ROOT, "packages")).map((name) => `packages/${name}/package.json`);
  const sources = Object.fromEntries(
    [...Object.keys(metafile.inputs), ...packages].map((path) => [path, stampOf(path)]),
  );
  const own = `${MANIFEST}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ form: FORM, folder, sources }));
  renameSync(own, MANIFEST);
  removeOld(folder);
  return pathToFileURL(join(CACHE, folder, "main.mjs"));
}

/** Our own packages go in, whatever else is installed stays where it is; files are found beside their source as before. */
const ownSources = {
  name: "own-sources",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || path.startsWith("@bidden/") ? undefined : { path, external: true },
    );
    build.onLoad({ filter: /\.tsx?$/ }, async ({ path }) => ({
      loader: path.endsWith("x") ? "tsx" : "ts",
      contents: (await readFile(path, "utf8")).replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)),
    }));
  },
};

function removeOld(current) {
  for (const name of readdirSync(CACHE)) {
    const made = Number.parseInt(name, 10);
    if (name !== current && Date.now() - made > KEPT_MS) rmSync(join(CACHE, name), { recursive: true, force: true });
  }
}
