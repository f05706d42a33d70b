/** One session that is replaced when another key is asked for, so that at most one copy of its weights is held. */
import type { Session } from "@bidden/tensor";

export class SessionSlot {
  #key = "";
  #session: Promise<Session> | null = null;

  async get(key: string, open: () => Promise<Session>): Promise<Session> {
    if (this.#session === null || this.#key !== key) {
      await this.close();
      this.#key = key;
      this.#session = open();
      this.#session.catch(() => {
        this.#session = null;
      });
    }
    return this.#session;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    await (await session?.catch(() => null))?.close();
  }
}
