import { BiddenError, messageOf } from "@bidden/runtime";
import loadMujoco, { type MainModule, type MjData, type MjModel } from "@mujoco/mujoco";

/**
 * MuJoCo behind a small typed wall. Handles of the WASM build are not garbage-collected, so a `Simulation` owns one model
 * and its data and frees both in `close`. Typed arrays are views of the WASM heap, which move when it grows: they are
 * fetched again whenever their buffer was detached.
 */

export type EngineOptions = {
  /** Where a browser finds mujoco.wasm; left out, it is looked for beside mujoco.js. */
  readonly wasmUrl?: string;
};

export type Engine = MainModule;

/** Loads the WASM module; once a thread is enough. */
export async function loadEngine(options: EngineOptions = {}): Promise<Engine> {
  try {
    const { wasmUrl } = options;
    return await loadMujoco(wasmUrl === undefined ? {} : { locateFile: () => wasmUrl });
  } catch (thrown) {
    throw new BiddenError(
      "bad-model-file",
      `MuJoCo's WASM module must load from ${options.wasmUrl ?? "the package @mujoco/mujoco"}: ${messageOf(thrown)}`,
      { wasmUrl: options.wasmUrl ?? null },
      thrown,
    );
  }
}

/** Views of the state that the world reads and writes at every step. */
export type StateViews = {
  readonly qpos: Float64Array;
  readonly qvel: Float64Array;
  readonly ctrl: Float64Array;
  readonly xpos: Float64Array;
  readonly xquat: Float64Array;
  readonly xmat: Float64Array;
  readonly geomXpos: Float64Array;
  readonly geomXmat: Float64Array;
};

/** A pair of geoms that touch. */
export type ContactPair = { readonly geom1: number; readonly geom2: number };

export class Simulation {
  readonly engine: Engine;
  readonly model: MjModel;
  readonly data: MjData;
  #views: StateViews | null = null;
  #stateSize: number;

  /** @param mjcf the whole model; @throws BiddenError bad-model-file with MuJoCo's own message. */
  constructor(engine: Engine, mjcf: string) {
    this.engine = engine;
    this.model = compile(engine, mjcf);
    this.data = new engine.MjData(this.model);
    this.#stateSize = engine.mj_stateSize(this.model, engine.mjtState.mjSTATE_INTEGRATION.value);
    engine.mj_forward(this.model, this.data);
  }

  get views(): StateViews {
    if (this.#views === null || this.#views.qpos.length === 0) {
      const data = this.data;
      this.#views = {
        qpos: data.qpos as Float64Array,
        qvel: data.qvel as Float64Array,
        ctrl: data.ctrl as Float64Array,
        xpos: data.xpos as Float64Array,
        xquat: data.xquat as Float64Array,
        xmat: data.xmat as Float64Array,
        geomXpos: data.geom_xpos as Float64Array,
        geomXmat: data.geom_xmat as Float64Array,
      };
    }
    return this.#views;
  }

  /** @throws BiddenError engine when the physics diverged; the world must then be reset. */
  step(count: number): void {
    const { engine, model, data } = this;
    for (let i = 0; i < count; i++) engine.mj_step(model, data);
    if (this.views.qpos.every(Number.isFinite)) return;
    throw new BiddenError(
      "engine",
      `The physics must stay finite; at ${data.time.toFixed(3)} s it did not. Reset the world.`,
      {
        timeS: data.time,
      },
    );
  }

  /** Brings poses up to date with qpos: after a step they are those of its beginning. */
  updatePoses(): void {
    this.engine.mj_kinematics(this.model, this.data);
  }

  /** Brings everything that follows from the state up to date. */
  forward(): void {
    this.engine.mj_forward(this.model, this.data);
  }

  /** Pairs in contact at the beginning of the last step. */
  contacts(): ContactPair[] {
    const list = this.data.contact;
    const pairs: ContactPair[] = [];
    const size = list.size();
    for (let i = 0; i < size; i++) {
      const contact = list.get(i);
      if (contact === undefined) continue;
      pairs.push({ geom1: contact.geom1, geom2: contact.geom2 });
      contact.delete();
    }
    list.delete();
    return pairs;
  }

  /** The whole integration state, copied. */
  save(): Float64Array {
    const buffer = new this.engine.DoubleBuffer(this.#stateSize);
    this.engine.mj_getState(this.model, this.data, buffer, this.engine.mjtState.mjSTATE_INTEGRATION.value);
    const state = Float64Array.from(buffer.GetView() as Float64Array);
    buffer.delete();
    return state;
  }

  /** Twice, because what follows from the state is computed with the solver's warm start as its scratch. */
  load(state: Float64Array): void {
    const spec = this.engine.mjtState.mjSTATE_INTEGRATION.value;
    const values = state as unknown as number[];
    this.engine.mj_setState(this.model, this.data, values, spec);
    this.forward();
    this.engine.mj_setState(this.model, this.data, values, spec);
  }

  /** Index of a named thing, or -1. */
  idOf(type: "mjOBJ_BODY" | "mjOBJ_JOINT" | "mjOBJ_GEOM" | "mjOBJ_ACTUATOR" | "mjOBJ_SITE", name: string): number {
    return this.engine.mj_name2id(this.model, this.engine.mjtObj[type].value, name);
  }

  close(): void {
    this.data.delete();
    this.model.delete();
  }
}

function compile(engine: Engine, mjcf: string): MjModel {
  try {
    return engine.MjModel.from_xml_string(mjcf);
  } catch (thrown) {
    throw new BiddenError(
      "bad-model-file",
      `The MJCF must compile; MuJoCo says: ${messageOf(thrown).trim()}`,
      {},
      thrown,
    );
  }
}
