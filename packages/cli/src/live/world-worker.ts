/** The world's thread: physics in real time, cameras, and what the 3-D view needs. With the expert, its thoughts too. */
import { type MessagePort, MessageChannel, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { CameraSizes } from "@bidden/eval";
import type { Ask, CameraView, Observation, Plant } from "@bidden/runtime";
import { type InferenceRequest, type RobotLink, servePlant } from "@bidden/runtime/node";
import {
  createScene,
  createExpertPolicy,
  createWorld,
  type ExpertPolicy,
  judge,
  parseInstruction,
  sceneNow,
  type Task,
  type World,
} from "@bidden/sim";
import { sentencesToTry } from "./tries.ts";
import type { FromWorld, ToWorld } from "./wires.ts";

export type WorldWorkerData = {
  readonly link: RobotLink;
  readonly asks: MessagePort;
  /** Where observations go; null: the expert thinks here. */
  readonly observations: MessagePort | null;
  /** Where the expert's thoughts go. */
  readonly thoughts: MessagePort | null;
  /** Where observations go to be recorded; null when nothing is. */
  readonly recorder: MessagePort | null;
  readonly control: MessagePort;
  readonly seed: number;
};

/** Between two sets of poses for the page, and between two pictures while nothing is asked, ms. */
const POSES_PERIOD_MS = 33;
const IDLE_PICTURES_PERIOD_MS = 200;

class LivingWorld {
  readonly #world: World;
  readonly #data: WorldWorkerData;
  readonly #expert: ExpertPolicy | null;
  /** Where nobody listens. */
  readonly #nowhere: MessagePort;
  #observations: MessagePort | null;
  #cameras: CameraSizes = {};
  #watched = false;
  #open = true;
  #posesMs = 0;
  #picturesMs = 0;
  #task: Task | null = null;

  constructor(world: World, data: WorldWorkerData) {
    this.#world = world;
    this.#data = data;
    this.#expert = data.thoughts === null ? null : createExpertPolicy(world);
    this.#observations = data.observations;
    const { port1, port2 } = new MessageChannel();
    port2.close();
    this.#nowhere = port1;
  }

  run(cameras: CameraSizes): void {
    this.#cameras = cameras;
    const { link, asks } = this.#data;
    servePlant({
      plant: this.#plant(),
      link,
      asks,
      observations: () => this.#observations ?? this.#nowhere,
      onObservation: (request) => this.#seen(request),
      onTick: () => this.#tick(),
    });
    this.#world.close();
  }

  tell(message: FromWorld): void {
    this.#data.control.postMessage(message);
  }

  showScene(): void {
    const { scene } = this.#world;
    const poses = this.#poses();
    const geoms = this.#world.geoms().map((geom) => ({ ...geom, object: this.#objectAt(poses, geom.body) }));
    this.tell({
      type: "scene",
      seed: scene.seed,
      objects: scene.objects.map(({ id, kind, colour, size }) => ({ id, kind, colour, size })),
      tries: sentencesToTry(scene),
      geoms,
      bodies: poses.length / 7,
    });
    this.tell({ type: "poses", poses, jointRadS: 0 });
    this.#picturesMs = 0;
  }

  /** The object that stands where this body stands, as far as it is not the arm's. */
  #objectAt(poses: Float32Array, body: number): string | null {
    const [x = 0, y = 0, z = 0] = poses.subarray(7 * body, 7 * body + 3);
    const near = this.#world
      .objects()
      .find(({ position }) => Math.hypot(position[0] - x, position[1] - y, position[2] - z) < 1e-5);
    return near?.id ?? null;
  }

  #plant(): Plant {
    const world = this.#world;
    return {
      robot: world.robot,
      get timeMs() {
        return world.timeMs;
      },
      step: (ms) => world.step(ms),
      observe: (ask) => this.#observe(ask),
    };
  }

  #observe(ask: Ask): Observation {
    const { id, captureNs, state, history, instruction, hints } = ask;
    const cameras = this.#look();
    return { id, captureNs, cameras, state, history, instruction, ...(hints === undefined ? {} : { hints }) };
  }

  #look(): Record<string, CameraView> {
    const views = Object.entries(this.#cameras).map(([name, size]) => [name, this.#world.render(name, size)] as const);
    return Object.fromEntries(views);
  }

  #seen({ observation }: InferenceRequest): void {
    if (this.#expert !== null)
      this.#data.thoughts?.postMessage({ askId: observation.id, chunk: this.#expert.think(observation, { seed: 0 }) });
    this.#data.recorder?.postMessage(observation);
    this.#picturesMs = performance.now();
    if (this.#watched) this.tell({ type: "views", cameras: observation.cameras });
  }

  #tick(): boolean {
    for (
      let got = receiveMessageOnPort(this.#data.control);
      got !== undefined;
      got = receiveMessageOnPort(this.#data.control)
    ) {
      this.#obey(got.message as ToWorld);
    }
    const nowMs = performance.now();
    if (nowMs - this.#posesMs >= POSES_PERIOD_MS) {
      this.#posesMs = nowMs;
      const jointRadS = this.#world.robot
        .read()
        .jointRadS.reduce((fastest, speed) => Math.max(fastest, Math.abs(speed)), 0);
      this.tell({ type: "poses", poses: this.#poses(), jointRadS });
    }
    if (this.#watched && nowMs - this.#picturesMs >= IDLE_PICTURES_PERIOD_MS) {
      this.#picturesMs = nowMs;
      this.tell({ type: "views", cameras: this.#look() });
    }
    return this.#open;
  }

  #poses(): Float32Array {
    const room = new Float32Array(7 * 256);
    return room.slice(0, 7 * this.#world.bodyPoses(room));
  }

  #obey(message: ToWorld): void {
    switch (message.type) {
      case "begin":
        return;
      case "reset":
        this.#world.reset(createScene(message.seed));
        this.#task = null;
        return this.showScene();
      case "watched":
        this.#watched = message.on;
        return;
      case "asked": {
        const parsed = parseInstruction(message.text, sceneNow(this.#world.scene, this.#world.objects()));
        this.#task = parsed.kind === "task" ? parsed.task : null;
        return;
      }
      case "judge":
        return this.tell({
          type: "judged",
          id: message.id,
          done: this.#task === null ? null : judge(this.#world, this.#task),
        });
      case "observations":
        this.#observations?.close();
        this.#observations = message.port;
        return;
      case "close":
        this.#open = false;
        return;
      default:
        message satisfies never;
    }
  }
}

/**
 * Does everything once before anybody waits for it: the first picture and the first sentence take half a second each,
 * in which a moving arm's state would go stale.
 */
function warmUp(world: World): void {
  world.render("front");
  world.render("wrist");
  parseInstruction("put the red block on the blue plate", world.scene);
  for (let step = 0; step < 20; step++) world.step(10);
  world.reset(world.scene);
}

const data = workerData as WorldWorkerData;
const world = await createWorld();
world.reset(createScene(data.seed));
warmUp(world);
const living = new LivingWorld(world, data);
living.showScene();
// The ticker below never turns the event loop, so the first message is waited for here.
data.control.once("message", (message: ToWorld) => {
  if (message.type === "begin") living.run(message.cameras);
  parentPort?.close();
});
