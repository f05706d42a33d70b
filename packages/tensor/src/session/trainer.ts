/**
 * Runs a training step again and again. Every slot has two buffers: a step reads one set and writes the other, so nothing is
 * allocated or copied between steps where the engine writes into given arrays (onnxruntime-node does).
 */
import { BiddenError } from "@bidden/runtime";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { allocate, type Elements, sizeOf, type TensorData } from "../graph/dtype.ts";
import type { Slot, TrainStep } from "../optim/train-step.ts";
import { readSafetensors } from "../safetensors/read.ts";
import { writeSafetensors } from "../safetensors/write.ts";
import type { Engine, SessionOptions } from "./engine.ts";
import { openOrt, runOrt, toOrt, type ValueInfo, valueInfos } from "./session.ts";

export type ParameterMap = ReadonlyMap<string, TensorData>;

export interface Trainer {
  /** Steps taken so far. */
  readonly steps: number;
  /** One step on a batch; returns loss, gradientNorm, learningRate and the further metrics of the step. */
  run(batch: Readonly<Record<string, Elements>>): Promise<Record<string, number> & { readonly loss: number }>;
  /** The parameters as they are now (copies). */
  parameters(): Map<string, TensorData>;
  /** Their moving average (copies). */
  emaParameters(): Map<string, TensorData>;
  /** Everything that a later trainer needs to go on with the same bits, as a safetensors file. */
  saveState(): Uint8Array;
  loadState(state: Uint8Array): void;
  close(): Promise<void>;
}

export async function openTrainer(
  engine: Engine,
  step: TrainStep,
  parameters: ParameterMap,
  options: SessionOptions = {},
): Promise<Trainer> {
  const session = await openOrt(engine, step.model, options);
  return new StepRunner(engine, session, step, parameters);
}

class StepRunner implements Trainer {
  readonly #engine: Engine;
  readonly #session: InferenceSession;
  readonly #step: TrainStep;
  readonly #batch: ReadonlyMap<string, ValueInfo>;
  readonly #frozen: Map<string, TensorData> = new Map();
  /** Feeds that never change. */
  readonly #fixed: Record<string, OrtTensor> = {};
  #current: Map<string, OrtTensor> = new Map();
  #spare: Map<string, OrtTensor> = new Map();

  constructor(engine: Engine, session: InferenceSession, step: TrainStep, parameters: ParameterMap) {
    this.#engine = engine;
    this.#session = session;
    this.#step = step;
    const infos = new Map(valueInfos(session.inputMetadata).map((info) => [info.name, info]));
    for (const slot of step.slots) {
      const data = allocate(slot.dtype, sizeOf(slot.shape));
      if (slot.role === "parameter" || slot.role === "average")
        (data as Float32Array).set(valuesOf(parameters, slot) as Float32Array);
      this.#current.set(slot.name, this.#wrap(slot, data));
      this.#spare.set(slot.name, this.#wrap(slot, allocate(slot.dtype, sizeOf(slot.shape))));
    }
    for (const name of step.frozen) {
      const info = infos.get(name);
      const value = parameters.get(name);
      if (info === undefined) continue;
      if (value === undefined)
        throw new BiddenError("bad-argument", `trainer: the frozen parameter "${name}" has no value.`);
      this.#frozen.set(name, value);
      this.#fixed[name] = toOrt(engine, info, value.data);
    }
    const held = new Set([...step.slots.map((slot) => slot.input), ...step.frozen]);
    this.#batch = new Map([...infos].filter(([name]) => !held.has(name)));
  }

  get steps(): number {
    return this.#current.get("step")?.data[0] as number;
  }

  async run(batch: Readonly<Record<string, Elements>>): Promise<Record<string, number> & { readonly loss: number }> {
    const feeds: Record<string, OrtTensor> = { ...this.#fixed };
    const fetches: Record<string, OrtTensor | null> = {};
    for (const [name, info] of this.#batch) {
      const data = batch[name];
      if (data === undefined) {
        throw new BiddenError(
          "bad-argument",
          `trainer: the batch has no "${name}"; it needs ${[...this.#batch.keys()].join(", ")}.`,
        );
      }
      feeds[name] = toOrt(this.#engine, info, data);
    }
    for (const slot of this.#step.slots) {
      feeds[slot.input] = this.#current.get(slot.name) as OrtTensor;
      fetches[slot.output] = this.#spare.get(slot.name) as OrtTensor;
    }
    for (const name of this.#step.metrics) fetches[`metric/${name}`] = null;
    const results = await runOrt(this.#session, feeds, fetches);
    const next = new Map(this.#step.slots.map((slot) => [slot.name, results[slot.output] as OrtTensor]));
    this.#spare = this.#current;
    this.#current = next;
    const metrics = this.#step.metrics.map((name) => [name, Number(results[`metric/${name}`]?.data[0])] as const);
    return Object.fromEntries(metrics) as Record<string, number> & { readonly loss: number };
  }

  parameters(): Map<string, TensorData> {
    return new Map([...this.#copies("parameter"), ...this.#frozen]);
  }

  emaParameters(): Map<string, TensorData> {
    const averages = this.#copies("average");
    if (averages.length === 0)
      throw new BiddenError("bad-argument", "trainer: the step keeps no moving average; give emaDecay.");
    return new Map([...averages, ...this.#frozen]);
  }

  saveState(): Uint8Array {
    const tensors = new Map<string, TensorData>();
    for (const slot of this.#step.slots) {
      tensors.set(slot.name, { dtype: slot.dtype, shape: slot.shape, data: this.#data(slot) });
    }
    return writeSafetensors(tensors, { format: "bidden training state" });
  }

  loadState(state: Uint8Array): void {
    const { tensors } = readSafetensors(state, "training state");
    for (const slot of this.#step.slots) {
      const value = tensors.get(slot.name);
      if (value === undefined || value.data.length !== sizeOf(slot.shape)) {
        const came = value === undefined ? "none" : `${value.dtype} [${value.shape.join(", ")}]`;
        throw new BiddenError(
          "bad-checkpoint",
          `training state: expected "${slot.name}" as ${slot.dtype} [${slot.shape.join(", ")}]; came ${came}.`,
          { tensor: slot.name },
        );
      }
      (this.#data(slot) as Float32Array).set(value.data as Float32Array);
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #wrap(slot: Slot, data: Elements): OrtTensor {
    return toOrt(this.#engine, { name: slot.input, dtype: slot.dtype, shape: slot.shape }, data);
  }

  #data(slot: Slot): Elements {
    return this.#current.get(slot.name)?.data as Elements;
  }

  #copies(role: Slot["role"]): [string, TensorData][] {
    return this.#step.slots
      .filter((slot) => slot.role === role)
      .map((slot) => [slot.parameter, { dtype: slot.dtype, shape: slot.shape, data: this.#data(slot).slice() }]);
  }
}

function valuesOf(parameters: ParameterMap, slot: Slot): Elements {
  const value = parameters.get(slot.parameter);
  if (value === undefined || value.dtype !== slot.dtype || value.data.length !== sizeOf(slot.shape)) {
    const came = value === undefined ? "nothing" : `${value.dtype} [${value.shape.join(", ")}]`;
    throw new BiddenError(
      "bad-checkpoint",
      `trainer: parameter "${slot.parameter}" should be ${slot.dtype} [${slot.shape.join(", ")}]; came ${came}.`,
      { tensor: slot.parameter },
    );
  }
  return value.data;
}
