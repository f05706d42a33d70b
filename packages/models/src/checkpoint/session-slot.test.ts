import type { Session } from "@bidden/tensor";
import { expect, test } from "vitest";
import { SessionSlot } from "./session-slot.ts";

/** Sessions that say when they are opened and closed. */
function watched(): { events: string[]; open: (name: string) => () => Promise<Session> } {
  const events: string[] = [];
  const open = (name: string) => async (): Promise<Session> => {
    events.push(`open ${name}`);
    await Promise.resolve();
    const close = async (): Promise<void> => void events.push(`close ${name}`);
    return { inputs: [], outputs: [], run: () => Promise.resolve({}), close };
  };
  return { events, open };
}

test("whoever asks at the same time gets the same session, opened once", async () => {
  const { events, open } = watched();
  const slot = new SessionSlot();
  const [a, b] = await Promise.all([slot.get("x", open("first")), slot.get("x", open("second"))]);
  expect(a).toBe(b);
  await slot.close();
  expect(events).toEqual(["open first", "close first"]);
});

test("another key closes what is held before it opens", async () => {
  const { events, open } = watched();
  const slot = new SessionSlot();
  await Promise.all([slot.get("x", open("x")), slot.get("y", open("y"))]);
  expect(events).toEqual(["open x", "close x", "open y"]);
  await slot.close();
});

test("what could not be opened is opened anew when it is asked for again", async () => {
  const { events, open } = watched();
  const slot = new SessionSlot();
  await expect(slot.get("x", () => Promise.reject(new Error("no memory")))).rejects.toThrow("no memory");
  await slot.get("x", open("x"));
  expect(events).toEqual(["open x"]);
});
