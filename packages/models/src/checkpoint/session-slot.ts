/** One session that is replaced when another key is asked for, so that at most one copy of its weights is held. */
import type { Session } from "@bidden/tensor";

export class SessionSlot {
  #key = "";
  #session: Promise<Session> | null = null;

  /** Whoever asks while the session is being opened gets the same one. */
  get(key: string, open: () => Promise<Session>): Promise<Session> {
    if (this.#session !== null && this.#key === key) return this.#session;
    const opening = closed(this.#session).then(open);
    this.#key = key;
    this.#session = opening;
    opening.catch(() => {
      if (this.#session === opening) this.#session = null;
    });
    return opening;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await closed(session);
  }
}

async function closed(session: Promise<Session> | null): Promise<void> {
  await (await session?.catch(() => null))?.close();
}
