/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out because the registry in use does not
 * carry them: `npm ci` refuses a lockfile without them. Run after every `npm install`: node scripts/complete-lockfile.mjs
 */
import { readFileSync, writeFileSync } from "node:fs";

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
let added = 0;
for (const [path, entry] of Object.entries({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const known = [`${path}/node_modules/${name}`, `node_modules/${name}`].some((place) => place in lock.packages);
    if (known) continue;
    const words = name.split(/[/@.-]/);
    const system = SYSTEMS.find((word) => words.includes(word)) ?? (name === "fsevents" ? "darwin" : undefined);
    const processor = PROCESSORS.find((word) =>
      words.some((part) => part === word || (word === "arm" && part === "armv7")),
    );
    lock.packages[`node_modules/${name}`] = {
      version: version.replace(/^[~^]/, ""),
      ...(processor === undefined ? {} : { cpu: [processor] }),
      ...(entry.dev === true ? { dev: true } : {}),
      ...(words.some((part) => part.startsWith("musl")) ? { libc: ["musl"] } : {}),
      optional: true,
      ...(system === undefined ? {} : { os: [system] }),
    };
    added++;
  }
}
const packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
writeFileSync("package-lock.json", `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
console.log(`${added} packages of other platforms added`);
