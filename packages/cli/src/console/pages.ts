/** One connected page each, all of them together: who may operate, who is still there, and sending without piling up. */
import { encodeFrame, type Frame, type ServerMessage, type Status, type TraceSample } from "@bidden/console";
import type { WebSocket } from "ws";

/** A page that lags this far behind, bytes, misses frames instead of slowing the others. */
const MAX_BACKLOG_BYTES = 512 * 1024;
/** A page that has this many statuses still before it is busy drawing: it is sent no frames until it has caught up. */
const MAX_UNSEEN = 5;

export type Page = {
  /** Such as "page 3"; stands in the log of who asked. */
  readonly name: string;
  readonly socket: WebSocket;
  greeted: boolean;
  mayOperate: boolean;
  /** Statuses sent, and the last that the page said it had seen. */
  sent: number;
  seen: number;
  /** Pings sent since the last answer. */
  unanswered: number;
};

export class Pages {
  readonly #pages = new Set<Page>();
  #count = 0;

  add(socket: WebSocket): Page {
    this.#count += 1;
    const page: Page = {
      name: `page ${this.#count}`,
      socket,
      greeted: false,
      mayOperate: false,
      sent: 0,
      seen: 0,
      unanswered: 0,
    };
    this.#pages.add(page);
    return page;
  }

  remove(page: Page): void {
    this.#pages.delete(page);
  }

  get watchers(): number {
    return [...this.#pages].filter((page) => page.greeted && !page.mayOperate).length;
  }

  get operators(): number {
    return [...this.#pages].filter((page) => page.mayOperate).length;
  }

  get size(): number {
    return this.#pages.size;
  }

  tellAll(message: ServerMessage): void {
    const text = JSON.stringify(message);
    for (const page of this.#pages) if (page.greeted) page.socket.send(text);
  }

  tellStatus(status: Status): void {
    for (const page of this.#pages) if (page.greeted) tellStatus(page, status);
  }

  tellTrace(samples: readonly TraceSample[]): void {
    const text = JSON.stringify({ type: "trace", samples } satisfies ServerMessage);
    for (const page of this.#pages) if (keepsUp(page)) page.socket.send(text);
  }

  /** Frames stand for themselves, so a page that cannot keep up simply misses some. */
  showAll(frame: Frame): void {
    const ready = [...this.#pages].filter(keepsUp);
    if (ready.length === 0) return;
    const bytes = encodeFrame(frame);
    for (const page of ready) page.socket.send(bytes);
  }

  /** Pings every page, and ends those that answered none of the last pings (a phone that left the network). */
  ping(maxUnanswered: number): void {
    for (const page of this.#pages) {
      if (page.unanswered >= maxUnanswered) page.socket.terminate();
      else {
        page.unanswered += 1;
        page.socket.ping();
      }
    }
  }

  closeAll(): void {
    for (const page of this.#pages) page.socket.terminate();
    this.#pages.clear();
  }
}

export function tell(page: Page, message: ServerMessage): void {
  page.socket.send(JSON.stringify(message));
}

export function tellStatus(page: Page, status: Status): void {
  page.sent += 1;
  tell(page, { type: "status", status, count: page.sent });
}

function keepsUp({ greeted, sent, seen, socket }: Page): boolean {
  return greeted && sent - seen < MAX_UNSEEN && socket.bufferedAmount < MAX_BACKLOG_BYTES;
}
