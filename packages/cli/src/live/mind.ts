/**
 * The inference thread and its successors. A thread that dies or hangs is a hold, and another takes its place; one that dies
 * again and again is given up, and the arm stays held until a person wants to see it tried once more.
 */
import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { messageOf, type PolicyInfo } from "@bidden/runtime";
import { endWorker, type LiveLoop, spawnWorker, watchWorker } from "@bidden/runtime/node";
import { Deaths, type DeathsOptions, POLICY_DEATHS } from "./deaths.ts";
import type { FromPolicy, PolicyWorkerData } from "./policy-worker.ts";
import type { ToWorld } from "./wires.ts";
import { firstWord } from "./worker-death.ts";

/** A thread that has not answered for this long will never do so, ms. */
const HANGING_MS = 10_000;

export type MindOptions = {
  readonly policy: string;
  /** The thread's module, where it is not this command's own. */
  readonly policyModule?: URL;
  /** How often it may die. */
  readonly deaths?: DeathsOptions;
};

/** Whom a mind serves, and whom it tells. */
export type MindUsers = {
  readonly loop: Pick<LiveLoop, "fault" | "replaceThoughts">;
  readonly tellWorld: (message: ToWorld, transfer?: readonly MessagePort[]) => void;
  readonly onTrouble: (sentence: string) => void;
};

export class Mind {
  readonly #policy: string;
  readonly #module: URL;
  readonly #deaths: Deaths;
  #worker: Worker;
  #control: MessagePort;
  #users: MindUsers | null = null;
  #closing = false;
  /** The present thread is gone, or given up for gone. */
  #lost = false;
  /** A successor is loading: it cannot answer yet. */
  #starting = false;
  /** The next start, while it is waited for. */
  #next: NodeJS.Timeout | null = null;
  /** The world's end of the channel to the first thread. */
  readonly observations: MessagePort;

  /** @param thoughts the first thread's end of the channel to the loop; transferred */
  constructor({ policy, policyModule, deaths }: MindOptions, thoughts: MessagePort) {
    this.#policy = policy;
    this.#module = policyModule ?? new URL("./policy-worker.ts", import.meta.url);
    this.#deaths = new Deaths(deaths ?? POLICY_DEATHS, performance.now());
    const observations = new MessageChannel();
    this.observations = observations.port1;
    [this.#worker, this.#control] = this.#spawn(observations.port2, thoughts);
  }

  async info(): Promise<PolicyInfo> {
    const ready = await firstWord<FromPolicy, "ready">(this.#control, this.#worker, "ready", "policy");
    return ready.info;
  }

  /** From now on a dead thread is a hold, and is replaced. */
  keepAlive(users: MindUsers): void {
    this.#users = users;
  }

  /** The thread hangs. It may be computing still: it is left to end by itself before it is ended by force. */
  restart(): void {
    if (this.#lost || this.#starting) return;
    const old = this.#worker;
    this.#lose("it did not answer");
    void endWorker(old, HANGING_MS);
  }

  /** A person lets the arm move again: what was given up is tried once more. */
  revive(): void {
    if (!this.#deaths.givenUp || this.#closing) return;
    this.#deaths.pardon();
    this.#renew();
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#next !== null) clearTimeout(this.#next);
    await endWorker(this.#worker);
    this.#control.close();
  }

  #lose(reason: string): void {
    if (this.#users === null || this.#closing || this.#lost) return;
    this.#lost = true;
    const { loop, onTrouble } = this.#users;
    loop.fault("inference", `the policy's thread ended: ${reason}`);
    const waitMs = this.#deaths.died(performance.now());
    if (waitMs === null) {
      onTrouble(
        `The policy's thread ended ${this.#deaths.count} times in a row (${reason}) and is not started again. The arm stays held; "Let it move" tries once more.`,
      );
      return;
    }
    this.#next = setTimeout(() => this.#renew(), waitMs);
  }

  #renew(): void {
    this.#next = null;
    if (this.#users === null || this.#closing) return;
    const { loop, tellWorld, onTrouble } = this.#users;
    const [observations, thoughts] = [new MessageChannel(), new MessageChannel()];
    this.#control.close();
    this.#starting = true;
    [this.#worker, this.#control] = this.#spawn(observations.port2, thoughts.port1);
    // both close their ends of the old channels: an old thread that still lives has nothing left to do
    loop.replaceThoughts(thoughts.port2);
    tellWorld({ type: "observations", port: observations.port1 }, [observations.port1]);
    void this.#welcome(onTrouble);
  }

  async #welcome(onTrouble: MindUsers["onTrouble"]): Promise<void> {
    try {
      await this.info();
      this.#deaths.born(performance.now());
      onTrouble("The policy was started anew. Let it move when you are ready.");
    } catch (thrown) {
      onTrouble(`The policy could not be started anew: ${messageOf(thrown)}`);
    } finally {
      this.#starting = false;
    }
  }

  #spawn(observations: MessagePort, thoughts: MessagePort): [Worker, MessagePort] {
    const { port1: control, port2 } = new MessageChannel();
    this.#lost = false;
    const worker = spawnWorker(this.#module, {
      name: "bidden-policy",
      workerData: { policy: this.#policy, observations, thoughts, control: port2 } satisfies PolicyWorkerData,
      transferList: [observations, thoughts, port2],
    });
    void watchWorker(worker, (reason) => {
      if (worker === this.#worker) this.#lose(reason);
    });
    return [worker, control];
  }
}
