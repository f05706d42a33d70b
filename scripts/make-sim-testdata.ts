/** Writes the golden camera frames of testdata/sim: `npx tsx scripts/make-sim-testdata.ts`. */
import { writeFileSync } from "node:fs";
import { createScene, createWorld } from "@bidden/sim";

async function main(): Promise<void> {
  const world = await createWorld();
  world.reset(createScene(7));
  world.step(100);
  for (const camera of world.robot.embodiment.cameras) {
    const { image } = world.render(camera);
    const file = new URL(`../testdata/sim/${camera}-seed-7.rgb`, import.meta.url);
    writeFileSync(file, image.data);
    console.log(`${camera}: ${image.width} x ${image.height}, ${image.data.length} bytes`);
  }
  world.close();
}

await main();
