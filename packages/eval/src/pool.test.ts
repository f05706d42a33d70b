import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataset } from "@bidden/data/node";
import { createExpertPolicy, createWorld } from "@bidden/sim";
import { afterAll, describe, expect, test, vi } from "vitest";
import type { EpisodeRecord } from "./episode.ts";
import { encodePicture } from "./picture.node.ts";
import { planSuite } from "./plan.ts";
import { evaluateInWorkers, type PoolResult } from "./pool.node.ts";
import { openRunRecording } from "./recording.node.ts";
import { reportHtml } from "./report/html.ts";
import { type Report, reportJson } from "./report/report.ts";
import { summaryTable } from "./report/table.ts";
import { rollout } from "./rollout.ts";
import { evaluate } from "./suite.ts";
import type { ExpertSetup } from "./testing/expert-worker.ts";
import { TABLETOP_CAMERAS } from "./world-plant.ts";

const world = await createWorld();
afterAll(() => world.close());

const options = { skills: ["pick", "point"], episodes: 2, unclear: 1, seed: 3 } as const;
const plans = planSuite(options);

function pool(setup: ExpertSetup, signal?: AbortSignal, onEpisode?: () => void): Promise<PoolResult> {
  const worker = new URL("./testing/expert-worker.ts", import.meta.url);
  return evaluateInWorkers<ExpertSetup>({
    plans,
    worker,
    setup,
    workers: 2,
    ...(signal === undefined ? {} : { signal }),
    ...(onEpisode === undefined ? {} : { onEpisode }),
  });
}

/** What must be the same wherever an episode ran. */
function facts(records: readonly EpisodeRecord[]): unknown {
  return records.map(({ plan, result, success, cause, replay }) => {
    const { wallSeconds: _wall, ...came } = result;
    return { key: plan.key, came, success, cause, tool: replay?.tool };
  });
}

describe("a suite", () => {
  test("in two worker threads gives what it gives in this one", async () => {
    const here = await evaluate({ ...options, world, policy: createExpertPolicy(world) });
    const there = await pool({});
    expect(facts(there.records)).toEqual(facts(here.records));
    expect(there.planned).toBe(8);
    expect(there.policy?.name).toBe("expert");
    expect(there.summary.skills.map(({ name, rate }) => [name, rate])).toEqual([
      ["pick", 1],
      ["point", 1],
    ]);
    expect(there.summary.unclear.map(({ name, successes }) => [name, successes])).toEqual([
      ["ambiguous", 1],
      ["impossible", 1],
      ["garbage", 1],
      ["forbidden", 1],
    ]);
  });

  test("a policy that does not load, and a worker that dies, are errors in words", async () => {
    await expect(pool({ trouble: "no-policy" })).rejects.toThrow(/The checkpoint is broken/);
    await expect(pool({ trouble: "exit" })).rejects.toThrow(/ended with code 9/);
  });

  test("ended at once: nothing measured, nothing lost", async () => {
    const abort = new AbortController();
    abort.abort();
    expect(await pool({}, abort.signal)).toMatchObject({ records: [], planned: 8, policy: null });
  });

  test("ended while it infers: what was measured is kept, and the threads end in peace", async () => {
    const abort = new AbortController();
    let ended = 0;
    const farewell = new BroadcastChannel("bidden-test-farewell");
    farewell.addEventListener("message", () => void (ended += 1));
    const { records, planned, policy } = await pool({ trouble: "slow" }, abort.signal, () => abort.abort());
    expect(records.length).toBeGreaterThan(0);
    expect(records.length).toBeLessThan(planned);
    expect(policy?.name).toBe("expert");
    // a policy that is closed was not cut off
    await vi.waitFor(() => expect(ended).toBe(2));
    farewell.close();
  });
});

test("a report: one page that needs nothing beside itself, JSON without pictures, a table", async () => {
  const nasty = '</script><script>alert("x")</script>';
  const policy = createExpertPolicy(world);
  const { records, summary, planned } = await evaluate({ ...options, skills: ["point"], episodes: 1, world, policy });
  const episodes = records.map((record) => ({ ...record, plan: { ...record.plan, instruction: nasty } }));
  const report: Report = {
    setting: {
      suite: "tabletop",
      command: "npx bidden eval tabletop",
      policy: { name: "expert", modelDigest: "" },
      head: null,
      seed: 3,
      split: "held-out",
      maxSeconds: 30,
      inferDelayMs: 20,
      machine: "a machine",
      date: "2026-11-22T00:00:00.000Z",
      wallSeconds: 1,
    },
    planned,
    measured: records.length,
    summary,
    episodes,
  };
  const html = reportHtml(report, encodePicture);
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
  const embedded = /<script type="application\/json" id="replays">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
  const items = JSON.parse(embedded) as { said: string; first: string }[];
  expect(items).toHaveLength(5);
  expect(items[0]).toMatchObject({ said: nasty, first: expect.stringMatching(/^data:image\/png;base64,iVBOR/) });
  const parsed = JSON.parse(reportJson(report)) as Report;
  expect(parsed.episodes[0]?.replay).toBeUndefined();
  expect(parsed.summary).toEqual(summary);
  expect(summaryTable(summary)).toMatch(/^point +100\.0 % +20\.7 to 100\.0 % +1/m);
});

describe("a recording", () => {
  test("has a frame for each control step, which the dataset reader gives back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bidden-"));
    try {
      const recording = await openRunRecording(join(folder, "a", "b"), {
        embodiment: world.robot.embodiment,
        cameras: TABLETOP_CAMERAS,
      });
      const policy = createExpertPolicy(world);
      const instruction = "point at the orange plate";
      recording.begin(instruction, 7, policy.info);
      const { result } = await rollout({
        world,
        policy,
        seed: 7,
        instruction,
        task: { skill: "point", object: "orange-plate-1" },
        cameras: TABLETOP_CAMERAS,
        record: (event) => recording.hear(event),
        onStep: ({ observation }) => recording.see(observation),
      });
      expect(await recording.end()).toBe(true);
      await recording.close();
      const dataset = await openDataset(recording.path);
      const { length, tasks, extra } = await dataset.episode(0);
      expect(length / 10).toBeCloseTo(result.simSeconds, 0);
      expect(tasks).toEqual([instruction]);
      expect(extra).toMatchObject({ seed: 7, policy: "expert", expert: true });
      const { columns } = await dataset.read(0);
      expect(Object.keys(columns)).toEqual(
        expect.arrayContaining(["observation.images.front", "observation.images.wrist", "observation.state", "action"]),
      );
      await dataset.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a folder that cannot be made is told before anything moves", async () => {
    const options = { embodiment: world.robot.embodiment, cameras: TABLETOP_CAMERAS };
    await expect(openRunRecording("/dev/null/runs", options)).rejects.toThrow(/Cannot make the folder/);
  });
});
