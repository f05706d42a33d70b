/**
 * Live sessions with all their threads: a click on "which one?", and "put it back". The scripts of this test drive, and the
 * trained policy too where it is asked for:
 *
 *   BIDDEN_LIVE_POLICY=tabletop npx vitest run packages/cli/src/live/session.test.ts
 */
import type { LogEntry } from "@bidden/console";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { LiveSession } from "../console/session.ts";
import { openSession, type SessionOptions } from "./session.ts";

const SEED = 7;
/** Real time on a crowded machine. */
const PATIENT = { timeout: 60_000, interval: 50 };
const SLOW_MS = 240_000;
/** No trained policy does everything, and a crowded machine may hold the arm: so many tries for a deed. */
const TRIES = 4;

type Place = readonly [number, number, number];

/** A person at the console: says, waits for the answer, looks at the table. */
class Person {
  readonly session: LiveSession;
  #poses: Float32Array = new Float32Array();

  constructor(session: LiveSession) {
    this.session = session;
    session.listen({
      onScene: () => undefined,
      onLog: () => undefined,
      onTrace: () => undefined,
      onFrame: (frame) => {
        if (frame.kind === "poses") this.#poses = frame.poses;
      },
    });
    session.watched(true);
  }

  /** Where a thing of the scene is now. */
  async where(object: string): Promise<Place> {
    const body = this.session.scene().geoms.find((geom) => geom.object === object)?.body;
    if (body === undefined) throw new Error(`${object} is not in the scene`);
    await vi.waitUntil(() => this.#poses.length > 7 * body, PATIENT);
    const [x = 0, y = 0, z = 0] = this.#poses.subarray(7 * body);
    return [x, y, z];
  }

  /** What the arm answers to an act of this person. */
  async answer(act: () => void): Promise<LogEntry> {
    const before = this.session.log().length;
    act();
    const answers = (): readonly LogEntry[] => this.session.log().slice(before);
    await vi.waitUntil(() => answers().some(({ who }) => who === "arm"), PATIENT);
    return answers().findLast(({ who }) => who === "arm")!;
  }

  say(text: string): Promise<LogEntry> {
    return this.answer(() => this.session.instruct(text, "person"));
  }

  /** Says it until it is done. */
  async get(text: string): Promise<LogEntry> {
    let answer = await this.say(text);
    for (let again = 1; again < TRIES && answer.tone !== "done"; again++) {
      this.session.release("person");
      await vi.waitUntil(() => this.session.status().mode === "nominal", PATIENT);
      answer = await this.say(text);
    }
    return answer;
  }

  async rests(): Promise<void> {
    await vi.waitUntil(() => !["moving", "thinking"].includes(this.session.status().phase), PATIENT);
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

let session: LiveSession | null = null;
afterEach(async () => {
  await session?.close();
  session = null;
});

async function sitDown(options: Partial<SessionOptions>): Promise<Person> {
  session = await openSession({ policy: "expert", seed: SEED, record: null, instruction: null, ...options });
  return new Person(session);
}

const script: Partial<SessionOptions> = {
  policy: String(SEED),
  policyModule: new URL("./testing/scripted-policy-worker.ts", import.meta.url),
};
const trained = process.env["BIDDEN_LIVE_POLICY"];
const named = trained === undefined ? [] : ([[trained, { policy: trained }]] as const);

describe.each([["expert", {}] as const, ...named])("which one? (%s)", (_name, options) => {
  test(
    "a click answers it, and the arm takes that one",
    async () => {
      const person = await sitDown(options);
      let taken = false;
      for (let again = 0; again < TRIES && !taken; again++) {
        const asked = await person.say("pick up the can");
        if (asked.tone !== "ask" || asked.candidates.length < 2) {
          person.session.release("person");
          continue;
        }
        const chosen = asked.candidates[1]!;
        const things = person.session.scene().objects.filter(({ kind }) => kind === "can");
        const places = await Promise.all(things.map(async ({ id }) => ({ id, at: await person.where(id) })));
        const meant = places.toSorted((a, b) => apart(a.at, chosen.at) - apart(b.at, chosen.at))[0]!;
        const answer = await person.answer(() => person.session.choose(asked.id, 1, "person"));
        expect(person.session.log().some(({ who, tone }) => who === "you" && tone === "answer")).toBe(true);
        await person.rests();
        const now = await person.where(meant.id);
        taken = answer.tone === "done" && now[2] > meant.at[2] + 0.04;
        if (!taken) person.session.release("person");
      }
      expect(taken).toBe(true);
    },
    SLOW_MS,
  );
});

describe.each([["script", script] as const, ...named])("put it back (%s)", (_name, options) => {
  test(
    "what was picked up and carried aside stands again where it stood",
    async () => {
      const person = await sitDown(options);
      const start = await person.where("black-can-1");
      expect((await person.say("put it back")).text).toMatch(/moved nothing/);
      expect((await person.get("pick up the small black can")).tone).toBe("done");
      person.session.instruct("a bit to the left", "person");
      await person.rests();
      const held = await person.where("black-can-1");
      expect(held[2]).toBeGreaterThan(start[2] + 0.04);
      expect(Math.abs(held[1] - start[1])).toBeGreaterThan(0.01);
      expect((await person.get("put it back")).tone).toBe("done");
      await person.rests();
      expect(apart(await person.where("black-can-1"), start)).toBeLessThan(0.03);
    },
    SLOW_MS,
  );
});

function apart(a: Place, b: Place): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
