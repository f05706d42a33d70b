/** Run by recorder.kill.test.ts in a process of its own: records episode after episode until it is killed. */

import { openRecorder } from "./open.node.ts";
import { OPTIONS, recordEpisode } from "./recorder.test-kit.ts";

const recorder = await openRecorder(process.argv[2] as string, OPTIONS);
for (let episode = recorder.episodeCount; episode < 100_000; episode++) {
  await recordEpisode(recorder, episode);
  process.stdout.write(`${episode}\n`);
}
