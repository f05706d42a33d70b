/** Episodes on several cores: worker threads, each with a world and a policy of its own, that take one episode at a time. */
import { parentPort, type Worker } from "node:worker_threads";
import { BiddenError, invariant, messageOf, type Policy, type PolicyInfo } from "@bidden/runtime";
import { endWorker, spawnWorker } from "@bidden/runtime/node";
import { createWorld, type World } from "@bidden/sim";
import type { EpisodePlan, EpisodeRecord } from "./episode.ts";
import { ReplayKeeper } from "./keep-replays.ts";
import { type EpisodeOptions, runEpisode } from "./suite.ts";
import { type Summary, summarise } from "./summary.ts";

type ToWorker = { readonly type: "episode"; readonly plan: EpisodePlan } | { readonly type: "end" };
type FromWorker =
  | { readonly type: "ready"; readonly policy: PolicyInfo }
  | { readonly type: "record"; readonly record: EpisodeRecord }
  | { readonly type: "error"; readonly message: string };

export type PoolOptions<Setup> = {
  readonly plans: readonly EpisodePlan[];
  /** The module of a worker: it calls `serveEpisodes`. */
  readonly worker: URL;
  /** What the worker needs to make its policy. Plain data. */
  readonly setup: Setup;
  readonly workers: number;
  readonly onEpisode?: (record: EpisodeRecord, done: number, total: number) => void;
  /** Ends the evaluation early; what was measured so far is kept. */
  readonly signal?: AbortSignal;
};

/** An episode that is under way ends at its next thought; a worker that takes longer hangs, ms. */
const PATIENCE_MS = 15_000;

export type PoolResult = {
  /** In the order of the plans; fewer than planned after an abort. */
  readonly records: readonly EpisodeRecord[];
  readonly planned: number;
  readonly summary: Summary;
  /** Null when no worker came so far as to load it. */
  readonly policy: PolicyInfo | null;
};

/** Runs the plans. Which worker runs which episode has no influence on the results. */
export async function evaluateInWorkers<Setup>(options: PoolOptions<Setup>): Promise<PoolResult> {
  const { plans, onEpisode, signal } = options;
  const records = new Map<EpisodePlan, EpisodeRecord>();
  const keeper = new ReplayKeeper();
  const waiting = [...plans];
  const next = (): EpisodePlan | null => (signal?.aborted === true ? null : (waiting.shift() ?? null));
  const take = (plan: EpisodePlan, record: EpisodeRecord): void => {
    const kept = keeper.keep(record);
    records.set(plan, kept);
    onEpisode?.(kept, records.size, plans.length);
  };
  const count = signal?.aborted === true ? 0 : Math.min(options.workers, plans.length);
  const hands = Array.from(
    { length: count },
    () => new Hand(spawnWorker(options.worker, { workerData: options.setup })),
  );
  const stop = (): void => hands.forEach((hand) => hand.abandon());
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await Promise.all(hands.map((hand) => hand.work(next, take)));
  } finally {
    signal?.removeEventListener("abort", stop);
    await Promise.all(hands.map((hand) => hand.close()));
  }
  const measured = plans.flatMap((plan) => records.get(plan) ?? []);
  const policy = hands.find((hand) => hand.policy !== null)?.policy ?? null;
  return { records: measured, planned: plans.length, summary: summarise(measured), policy };
}

/** One worker, seen from the main thread. */
class Hand {
  readonly #worker: Worker;
  policy: PolicyInfo | null = null;
  #plan: EpisodePlan | null = null;
  #abandoned = false;
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Resolves when there is no more to do. */
  work(next: () => EpisodePlan | null, take: (plan: EpisodePlan, record: EpisodeRecord) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      const proceed = (): void => {
        this.#plan = this.#abandoned ? null : next();
        if (this.#plan === null) resolve();
        else this.#tell({ type: "episode", plan: this.#plan });
      };
      this.#worker.on("message", (message: FromWorker) => {
        if (message.type === "error") {
          reject(new BiddenError("worker-died", `An evaluation worker failed: ${message.message}`, this.#facts()));
          return;
        }
        if (message.type === "ready") this.policy = message.policy;
        if (message.type === "record" && this.#plan !== null && !this.#abandoned) take(this.#plan, message.record);
        proceed();
      });
      this.#worker.on("error", (error) => {
        reject(new BiddenError("worker-died", `An evaluation worker died: ${messageOf(error)}`, this.#facts(), error));
      });
      this.#worker.on("exit", (code) => {
        reject(new BiddenError("worker-died", `An evaluation worker ended with code ${code}.`, this.#facts()));
      });
    });
  }

  /** Stops waiting for the running episode. */
  abandon(): void {
    this.#abandoned = true;
    this.#settle?.resolve();
  }

  /** In peace: ending a thread by force while it infers would end this process with it. */
  async close(): Promise<void> {
    this.#tell({ type: "end" });
    await endWorker(this.#worker, PATIENCE_MS);
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #facts(): Record<string, string | number> {
    return this.#plan === null ? {} : { instruction: this.#plan.instruction, seed: this.#plan.seed };
  }
}

/** The other side: called by a worker's module, which finds its setup in `workerData`. */
export async function serveEpisodes(
  options: EpisodeOptions,
  createPolicy: (world: World) => Promise<Policy>,
): Promise<void> {
  const port = parentPort;
  invariant(port !== null, "serveEpisodes runs in a worker thread");
  const say = (message: FromWorker): void => port.postMessage(message);
  try {
    const world = await createWorld();
    const policy = await createPolicy(world);
    const ending = new AbortController();
    let running = Promise.resolve();
    const end = async (): Promise<void> => {
      ending.abort();
      await running;
      await policy.close();
      world.close();
      // nothing keeps the thread any more
      port.close();
    };
    port.on("message", (message: ToWorker) => {
      if (message.type === "end") {
        void end();
        return;
      }
      running = runEpisode(message.plan, world, policy, { ...options, signal: ending.signal }).then(
        (record) => say({ type: "record", record }),
        (error: unknown) => say({ type: "error", message: messageOf(error) }),
      );
    });
    say({ type: "ready", policy: policy.info });
  } catch (error) {
    say({ type: "error", message: messageOf(error) });
  }
}
