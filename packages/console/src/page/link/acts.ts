/** What a person can do, as functions. Each says on the page when it could not be sent. */
import type { PageMessage } from "../../protocol/messages.ts";
import { say, slow } from "./live.ts";

export function stop(): void {
  send(
    { type: "stop" },
    "Stop could not be sent: the page has no connection. The arm holds by itself when nobody is connected.",
  );
}

export function instruct(text: string): boolean {
  return send({ type: "instruct", text });
}

export function choose(entry: number, candidate: number): void {
  send({ type: "choose", entry, candidate });
}

export function release(): void {
  send({ type: "release" });
}

export function shuffle(): void {
  send({ type: "shuffle", seed: null });
}

function send(message: PageMessage, otherwise = "Not sent: the page has no connection to the arm."): boolean {
  const sent = say(message);
  if (!sent) slow.set({ fault: { sentence: otherwise, at: Date.now() } });
  return sent;
}
