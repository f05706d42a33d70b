import { BiddenError, type CameraView, type Robot } from "@bidden/runtime";
import type { ArmModel } from "./arm/arm.ts";
import { panda } from "./arm/panda.ts";
import { compose, FRONT, frontPose, lookAt, WRIST_SIZE } from "./camera/camera.ts";
import { createSubject, Renderer, type RenderOptions, type Subject } from "./camera/renderer.ts";
import { type Engine, type EngineOptions, loadEngine, Simulation } from "./physics/engine.ts";
import { createLayout, describeGeoms, type GeomDescription, type Layout } from "./physics/layout.ts";
import { SimulatedRobot } from "./physics/robot.ts";
import { createScene } from "./scene/create-scene.ts";
import { sceneMjcf, TIME_STEP_MS } from "./scene/scene-mjcf.ts";
import type { ObjectState, Scene, Vec3 } from "./types.ts";

export type WorldOptions = EngineOptions & { readonly arm?: ArmModel };

export type WorldRenderOptions = RenderOptions;

/** A camera's view with, where asked for, 0 or 1 + index in `scene.objects` for every pixel. */
export type WorldView = CameraView & { readonly segmentation?: Uint8Array };

/** Everything that decides what happens next. */
export type WorldSnapshot = { readonly scene: Scene; readonly state: Float64Array };

/** Loads MuJoCo and sets scene 0; `reset` sets another. */
export async function createWorld(options: WorldOptions = {}): Promise<World> {
  return new World(await loadEngine(options), options.arm ?? panda);
}

/** What belongs to one episode. */
type Episode = {
  readonly scene: Scene;
  readonly simulation: Simulation;
  readonly layout: Layout;
  readonly subject: Subject;
};

/** A table, an arm and things on it, under MuJoCo. Deterministic: the same scene and commands give the same bits. */
export class World {
  readonly #engine: Engine;
  readonly #arm: ArmModel;
  readonly #renderer: Renderer;
  readonly #robot: SimulatedRobot;
  #episode: Episode;
  #posesFresh = true;
  #touching: Set<string> | null = null;

  constructor(engine: Engine, arm: ArmModel) {
    this.#engine = engine;
    this.#arm = arm;
    this.#renderer = new Renderer(engine);
    this.#episode = this.#begin(createScene(0));
    this.#robot = new SimulatedRobot(arm, () => this.#episode);
    this.#robot.goHome();
  }

  get scene(): Scene {
    return this.#episode.scene;
  }

  get robot(): Robot {
    return this.#robot;
  }

  /** Simulated time since reset, ms. */
  get timeMs(): number {
    return Math.round(this.#episode.simulation.data.time * 1e6) / 1e3;
  }

  /** How far the drawer stands open, metres; 0 where there is none. */
  get drawerM(): number {
    const { layout, simulation } = this.#episode;
    return layout.drawer === null ? 0 : (simulation.views.qpos[layout.drawer.qpos] as number);
  }

  /** A new episode: everything at its start, arm at home, gripper open. */
  reset(scene: Scene): void {
    const next = this.#begin(scene);
    this.#episode.simulation.close();
    this.#episode = next;
    this.#robot.goHome();
    this.#moved();
  }

  /** Advances physics. @param ms multiple of the time step (5 ms). */
  step(ms: number): void {
    const count = Math.round(ms / TIME_STEP_MS);
    if (!(count >= 1 && Math.abs(count * TIME_STEP_MS - ms) < 1e-9)) {
      throw new BiddenError("bad-argument", `World.step takes a positive multiple of ${TIME_STEP_MS} ms, not ${ms}.`, {
        ms,
      });
    }
    this.#episode.simulation.step(count);
    this.#moved();
  }

  /** Where everything is now, in the order of `scene.objects`. */
  objects(): readonly ObjectState[] {
    this.#freshPoses();
    const { layout, simulation, scene } = this.#episode;
    return scene.objects.map((object, index) => layout.objectState(simulation, object, index));
  }

  /** How fast an object moves now, m/s; 0 for what is painted. */
  speedOf(id: string): number {
    const { layout, simulation, scene } = this.#episode;
    const object = scene.objects.find((candidate) => candidate.id === id);
    return object === undefined ? 0 : layout.speedOf(simulation, object);
  }

  /** Whether two of these touch: object ids, "gripper", "finger-left", "finger-right", "table". */
  touching(a: string, b: string): boolean {
    this.#touching ??= this.#episode.layout.touchingPairs(this.#episode.simulation);
    return this.#touching.has(`${a} ${b}`);
  }

  /** Id of the thing that both fingers touch, or null. */
  held(): string | null {
    const held = this.#episode.scene.objects.find(
      ({ id }) => this.touching(id, "finger-left") && this.touching(id, "finger-right"),
    );
    return held?.id ?? null;
  }

  /** What a camera ("front" or "wrist") sees now. */
  render(
    camera: string,
    size?: { readonly width: number; readonly height: number },
    options: WorldRenderOptions = {},
  ): WorldView {
    this.#freshPoses();
    const { pose, lens } = this.#cameraOf(camera, size);
    const frame = this.#renderer.render(this.#episode.subject, pose, lens, options);
    return {
      image: { width: lens.width, height: lens.height, data: frame.rgb },
      fovY: 2 * Math.atan(lens.tanHalfFovY),
      baseFromCamera: pose,
      ...(frame.segmentation === null ? {} : { segmentation: frame.segmentation }),
    };
  }

  /** Every seen shape, in its body's frame; valid until the next reset. */
  geoms(): readonly GeomDescription[] {
    return describeGeoms(this.#episode.simulation);
  }

  /** Poses of all bodies: x, y, z, qw, qx, qy, qz each. @returns the number of bodies. */
  bodyPoses(out: Float32Array): number {
    this.#freshPoses();
    const { xpos, xquat } = this.#episode.simulation.views;
    const count = xpos.length / 3;
    for (let body = 0; body < count; body++) {
      out.set(xpos.subarray(3 * body, 3 * body + 3), 7 * body);
      out.set(xquat.subarray(4 * body, 4 * body + 4), 7 * body + 3);
    }
    return count;
  }

  /** Sets an object moving: m/s, base frame (a nudge for data collection; for the drawer along x). */
  pushObject(id: string, velocity: Vec3): void {
    this.#episode.layout.push(this.#episode.simulation, id, velocity);
    this.#moved();
  }

  /** Adds to the arm's joint speeds, rad/s: a knock. */
  pokeArm(jointRadS: readonly number[]): void {
    this.#robot.poke(jointRadS);
    this.#moved();
  }

  /** Puts the arm and its set-points at a pose, at rest (episodes that do not begin at home). */
  placeArm(jointRad: readonly number[], gripper: number): void {
    this.#robot.place(jointRad, gripper);
    this.#moved();
  }

  snapshot(): WorldSnapshot {
    return { scene: this.scene, state: this.#episode.simulation.save() };
  }

  restore(snapshot: WorldSnapshot): void {
    if (snapshot.scene !== this.scene) this.reset(snapshot.scene);
    this.#episode.simulation.load(snapshot.state);
    this.#moved();
  }

  /** Frees the WASM memory; nothing may be called afterwards. */
  close(): void {
    this.#episode.simulation.close();
    this.#renderer.close();
  }

  #begin(scene: Scene): Episode {
    const simulation = new Simulation(this.#engine, sceneMjcf(this.#arm, scene));
    const layout = createLayout(simulation, this.#arm, scene);
    if (layout.drawer !== null) simulation.views.qpos[layout.drawer.qpos] = scene.drawerStartM;
    return { scene, simulation, layout, subject: createSubject(simulation, scene.look, layout.segmentOf) };
  }

  #moved(): void {
    this.#posesFresh = false;
    this.#touching = null;
  }

  #freshPoses(): void {
    if (this.#posesFresh) return;
    this.#episode.simulation.updatePoses();
    this.#posesFresh = true;
  }

  #cameraOf(camera: string, size?: { readonly width: number; readonly height: number }) {
    if (camera === "front") {
      const lens = { ...(size ?? FRONT.size), tanHalfFovY: FRONT.tanHalfFovY };
      return { pose: frontPose(this.scene.look), lens };
    }
    if (camera === "wrist") {
      const { pos, target, up, tanHalfFovY } = this.#arm.wristCamera;
      const pose = compose(this.#episode.layout.handPose(this.#episode.simulation), lookAt(pos, target, up));
      return { pose, lens: { ...(size ?? WRIST_SIZE), tanHalfFovY } };
    }
    throw new BiddenError("not-found", `The cameras are "front" and "wrist"; there is no "${camera}".`, { camera });
  }
}
