/** Writes headless episodes as a LeRobotDataset v3.0: what the cameras and joints said, and what was done, ten times a second. */
import { openRecorder } from "@bidden/data/node";
import type { CameraView, Embodiment, LoopEvent, Observation, PolicyInfo } from "@bidden/runtime";
import { makeFolder } from "@bidden/runtime/node";
import type { CameraSizes } from "./world-plant.ts";

type Recorder = Awaited<ReturnType<typeof openRecorder>>;

export const ACTION_NAMES = ["dxM", "dyM", "dzM", "rxRad", "ryRad", "rzRad", "gripper"] as const;

export type RunRecordingOptions = {
  readonly embodiment: Embodiment;
  /** Every camera of the recording with its size. */
  readonly cameras: CameraSizes;
};

/** Opens or goes on with the dataset in `folder`; fails before anything moves when it cannot be written. */
export async function openRunRecording(folder: string, options: RunRecordingOptions): Promise<RunRecording> {
  const { embodiment, cameras } = options;
  const images = Object.entries(cameras).map(([name, { width, height }]) => {
    const feature = { dtype: "image", shape: [height, width, 3], names: ["height", "width", "channels"] } as const;
    return [`observation.images.${name}`, feature] as const;
  });
  const { stateNames } = embodiment;
  await makeFolder(folder, "to record to");
  const recorder = await openRecorder(folder, {
    robotType: embodiment.name,
    fps: 1000 / embodiment.actionSpace.stepMs,
    features: {
      ...Object.fromEntries(images),
      "observation.state": { dtype: "float32", shape: [stateNames.length], names: stateNames },
      action: { dtype: "float32", shape: [ACTION_NAMES.length], names: ACTION_NAMES },
    },
  });
  return new RunRecording(recorder, Object.keys(cameras));
}

export class RunRecording {
  readonly #recorder: Recorder;
  readonly #cameras: readonly string[];
  #observation: Observation | null = null;

  constructor(recorder: Recorder, cameras: readonly string[]) {
    this.#recorder = recorder;
    this.#cameras = cameras;
  }

  get path(): string {
    return this.#recorder.path;
  }

  begin(instruction: string, seed: number, policy: PolicyInfo): void {
    const extra = {
      instruction,
      seed,
      policy: policy.name,
      modelDigest: policy.modelDigest,
      expert: policy.name === "expert",
    };
    this.#recorder.begin({ task: instruction, extra });
  }

  /** The observation of the step that now begins. */
  see(observation: Observation): void {
    this.#observation = observation;
  }

  /** A control step that has ended becomes a frame: the observation at its start, and what was done during it. */
  hear(event: LoopEvent): void {
    const observation = this.#observation;
    if (event.type !== "step" || observation === null) return;
    const pictures = this.#cameras.map((name) => {
      const view: CameraView | undefined = observation.cameras[name];
      return [`observation.images.${name}`, view?.image] as const;
    });
    const seen = pictures.flatMap(([name, image]) => (image === undefined ? [] : [[name, image] as const]));
    this.#recorder.addFrame({
      ...Object.fromEntries(seen),
      "observation.state": event.state,
      action: event.action,
    });
  }

  /** Makes the episode durable. @returns false where there was not a single step to keep. */
  async end(): Promise<boolean> {
    if (this.#recorder.length === 0) {
      this.#recorder.discard();
      return false;
    }
    await this.#recorder.end();
    return true;
  }

  async close(): Promise<void> {
    await this.#recorder.close();
  }
}
