/**
 * Runs a training step again and again. Every slot has two buffers: a step reads one set and writes the other, so nothing is
 * allocated or copied between steps where the engine writes into given arrays (onnxruntime-node does).
 */
import { BiddenError } from "@bidden/runtime";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { allocate, type Elements, type Shape, sizeOf, type TensorData } from "../graph/dtype.ts";
import { showShape } from "../graph/shape.ts";
import type { Part } from "../optim/pack.ts";
import type { Slot, TrainStep } from "../optim/train-step.ts";
import { readSafetensors } from "../safetensors/read.ts";
import { writeSafetensors } from "../safetensors/write.ts";
import type { Engine, SessionOptions } from "./engine.ts";
import { openOrt, runOrt, toOrt, type ValueInfo, valueInfos } from "./session.ts";

export type ParameterMap = ReadonlyMap<string, TensorData>;

/** Scalars of a step, by name. */
export type Metrics = Record<string, number> & { readonly loss: number };

export interface Trainer {
  /** Steps taken so far. */
  readonly steps: number;
  /** One step on a batch; returns loss, gradientNorm, learningRate and the further metrics of the step. */
  run(batch: Readonly<Record<string, Elements>>): Promise<Metrics>;
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
  #current: Map<Slot, OrtTensor> = new Map();
  #spare: Map<Slot, OrtTensor> = new Map();

  constructor(engine: Engine, session: InferenceSession, step: TrainStep, parameters: ParameterMap) {
    this.#engine = engine;
    this.#session = session;
    this.#step = step;
    const infos = new Map(valueInfos(session.inputMetadata).map((info) => [info.name, info]));
    for (const slot of step.slots) {
      this.#current.set(slot, this.#wrap(slot, firstValues(slot, parameters)));
      if (engine.fillsOutputs) this.#spare.set(slot, this.#wrap(slot, allocate(slot.dtype, sizeOf(slot.shape))));
    }
    for (const name of step.frozen) {
      const info = infos.get(name);
      if (info === undefined) continue;
      const value = parameterValue(parameters, { parameter: name, shape: info.shape, offset: 0 }).slice();
      this.#frozen.set(name, { dtype: "float32", shape: info.shape, data: value });
      this.#fixed[name] = toOrt(engine, info, value);
    }
    const held = new Set([...step.slots.map((slot) => slot.input), ...step.frozen]);
    this.#batch = new Map([...infos].filter(([name]) => !held.has(name)));
  }

  get steps(): number {
    const slot = this.#step.slots.find(({ role }) => role === "step") as Slot;
    return Number(this.#data(slot)[0]);
  }

  async run(batch: Readonly<Record<string, Elements>>): Promise<Metrics> {
    const feeds: Record<string, OrtTensor> = { ...this.#fixed };
    const fetches: Record<string, OrtTensor | null> = {};
    for (const [name, info] of this.#batch) {
      const data = batch[name];
      if (data === undefined) {
        const wanted = [...this.#batch.keys()].join(", ");
        throw new BiddenError("bad-argument", `trainer: the batch has no "${name}"; it needs ${wanted}.`, { name });
      }
      feeds[name] = toOrt(this.#engine, info, data);
    }
    for (const slot of this.#step.slots) {
      feeds[slot.input] = this.#current.get(slot) as OrtTensor;
      fetches[slot.output] = this.#spare.get(slot) ?? null;
    }
    for (const name of this.#step.metrics) fetches[`metric/${name}`] = null;
    const results = await runOrt(this.#session, feeds, fetches);
    const next = new Map(this.#step.slots.map((slot) => [slot, results[slot.output] as OrtTensor]));
    if (this.#engine.fillsOutputs) this.#spare = this.#current;
    this.#current = next;
    const metrics = this.#step.metrics.map((name) => [name, Number(results[`metric/${name}`]?.data[0])] as const);
    return Object.fromEntries(metrics) as Metrics;
  }

  parameters(): Map<string, TensorData> {
    return new Map([...this.#values("parameter"), ...this.#frozen]);
  }

  emaParameters(): Map<string, TensorData> {
    const averages = this.#values("average");
    if (averages.length === 0) {
      throw new BiddenError("bad-argument", "trainer: the step keeps no moving average; build it with emaDecay.");
    }
    return new Map([...averages, ...this.#frozen]);
  }

  saveState(): Uint8Array {
    const tensors = new Map<string, TensorData>();
    for (const slot of this.#step.slots) {
      for (const { name, shape, from, to } of pieces(slot)) {
        tensors.set(name, { dtype: slot.dtype, shape, data: this.#data(slot).subarray(from, to) });
      }
    }
    for (const [name, value] of this.#frozen) tensors.set(`frozen/${name}`, value);
    return writeSafetensors(tensors, { format: "bidden training state" });
  }

  loadState(state: Uint8Array): void {
    const { tensors } = readSafetensors(state, "training state");
    const wanted = this.#step.slots.flatMap((slot) => pieces(slot).map((piece) => ({ slot, piece })));
    for (const { slot, piece } of wanted) {
      const value = tensors.get(piece.name);
      if (value?.dtype !== slot.dtype || value.data.length !== piece.to - piece.from) {
        const came = value === undefined ? "nothing" : `${value.dtype} ${showShape(value.shape)}`;
        throw new BiddenError(
          "bad-checkpoint",
          `training state, tensor "${piece.name}": expected ${slot.dtype} ${showShape(piece.shape)}; came ${came}.`,
          { tensor: piece.name, came },
        );
      }
    }
    // What is frozen now may have been trained in the state.
    const kept = [...this.#frozen].map(([name, now]) => {
      const value = tensors.get(`frozen/${name}`) ?? tensors.get(`parameter/${name}`);
      if (value?.data instanceof Float32Array && value.data.length === now.data.length) return { now, value };
      throw new BiddenError(
        "bad-checkpoint",
        `training state: expected the frozen parameter "${name}"; came nothing of its shape.`,
        { tensor: name },
      );
    });
    for (const { now, value } of kept) (now.data as Float32Array).set(value.data as Float32Array);
    for (const { slot, piece } of wanted) {
      (this.#data(slot) as Float32Array).set(tensors.get(piece.name)?.data as Float32Array, piece.from);
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #wrap(slot: Slot, data: Elements): OrtTensor {
    return toOrt(this.#engine, { name: slot.input, dtype: slot.dtype, shape: slot.shape }, data);
  }

  #data(slot: Slot): Elements {
    return this.#current.get(slot)?.data as Elements;
  }

  /** Copies of the parameters, or of their averages. */
  #values(role: "parameter" | "average"): [string, TensorData][] {
    return this.#step.slots
      .filter((slot) => slot.role === role)
      .flatMap((slot) =>
        slot.parts.map(({ parameter, shape, offset }): [string, TensorData] => {
          const data = (this.#data(slot) as Float32Array).slice(offset, offset + sizeOf(shape));
          return [
            parameter,
            { dtype: "float32", shape, data: slot.scale === 1 ? data : data.map((x) => x * slot.scale) },
          ];
        }),
      );
  }
}

/** The arrays of a slot as a state file names them: one for each parameter, however they are packed. */
function pieces(
  slot: Slot,
): { readonly name: string; readonly shape: Shape; readonly from: number; readonly to: number }[] {
  if (slot.role === "step") return [{ name: "step", shape: [], from: 0, to: 1 }];
  return slot.parts.map(({ parameter, shape, offset }) => ({
    name: `${slot.role}/${parameter}`,
    shape,
    from: offset,
    to: offset + sizeOf(shape),
  }));
}

/** Parameters and averages begin with the given values, everything else with zeros. */
function firstValues(slot: Slot, parameters: ParameterMap): Elements {
  const data = allocate(slot.dtype, sizeOf(slot.shape));
  if (slot.role !== "parameter" && slot.role !== "average") return data;
  for (const part of slot.parts) {
    const value = parameterValue(parameters, part);
    (data as Float32Array).set(slot.scale === 1 ? value : value.map((x) => x / slot.scale), part.offset);
  }
  return data;
}

function parameterValue(parameters: ParameterMap, part: Part): Float32Array {
  const value = parameters.get(part.parameter);
  if (value?.data instanceof Float32Array && value.data.length === sizeOf(part.shape)) return value.data;
  const came = value === undefined ? "nothing" : `${value.dtype} ${showShape(value.shape)}`;
  throw new BiddenError(
    "bad-checkpoint",
    `trainer, parameter "${part.parameter}": expected float32 ${showShape(part.shape)}; came ${came}.`,
    { tensor: part.parameter, came },
  );
}
