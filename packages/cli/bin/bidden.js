#!/usr/bin/env node
// Plain JavaScript: it must load in a Node that is too old, to say so in words.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `bidden needs Node 20.19 or newer, and this is Node ${process.versions.node}. ` +
      "Install a newer one (https://nodejs.org, or: nvm install 22) and run the command again.\n",
  );
  process.exit(3);
}

/** Where the program is loaded from: its TypeScript where this Node reads that, else a bundle, else through tsx. */
async function program() {
  const source = new URL("../src/main.ts", import.meta.url).href;
  if (process.features.typescript) return source;
  const { bundled } = await import("./bundle.js");
  try {
    return await bundled();
  } catch {
    // an installation that is only for reading, or a source that does not parse: tsx says where
    (await import("tsx/esm/api")).register();
    return source;
  }
}

const { main } = await import(await program());
await main(process.argv.slice(2));
