/** What was said in a session, as the page shows it. Bounded: the oldest lines go. */
import type { CandidateInfo, LogEntry } from "@bidden/console";

const KEPT = 200;

export class Conversation {
  readonly #entries: LogEntry[] = [];
  readonly #onEntry: (entry: LogEntry) => void;
  #nextId = 1;

  constructor(onEntry: (entry: LogEntry) => void) {
    this.#onEntry = onEntry;
  }

  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  add(who: LogEntry["who"], tone: LogEntry["tone"], text: string, candidates: readonly CandidateInfo[] = []): LogEntry {
    const entry: LogEntry = { id: this.#nextId, who, tone, text, candidates, atMs: Date.now() };
    this.#nextId += 1;
    this.#entries.push(entry);
    this.#entries.splice(0, Math.max(0, this.#entries.length - KEPT));
    this.#onEntry(entry);
    return entry;
  }

  find(id: number): LogEntry | null {
    return this.#entries.find((entry) => entry.id === id) ?? null;
  }
}
