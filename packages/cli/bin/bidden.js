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

if (!process.features.typescript) {
  const { register } = await import("node:module");
  process.setSourceMapsEnabled(true);
  register("./typescript-hooks.js", import.meta.url);
}
const { main } = await import("../src/main.ts");
await main(process.argv.slice(2));
