/** Whether something is a `Policy`: shapes, ranges, provenance, repeatability. For tests of every policy and wrapper. */
import { messageOf } from "../contract/errors.ts";
import type { ActionChunk, ActionSpace, Belief, InferRequest, Observation, Policy } from "../contract/types.ts";
import { type Finding, Findings } from "./finding.ts";

export type CheckPolicyOptions = {
  /** Made anew for each call; `index` must change id and pictures. */
  readonly observation: (index: number) => Observation;
  /** The same observation and seed must give the same chunk; false for policies that cannot promise it. */
  readonly repeatable?: boolean;
};

/** A step of one action may move the tool this far at most, m and rad, before it is a mistake of units. */
const ABSURD_STEP = 0.5;

/** Whether an action of a kind may have so many elements. */
const WIDTHS: Readonly<Record<ActionSpace["kind"], (dim: number) => boolean>> = {
  "ee-delta-7": (dim) => dim === 7,
  "ee-pose-8": (dim) => dim === 8,
  "joint-position": (dim) => Number.isInteger(dim) && dim >= 2,
  "joint-delta": (dim) => Number.isInteger(dim) && dim >= 2,
};

/** Metres from the base, and radians of a joint, that no set-point has: degrees, or millimetres. */
const ABSURD_PLACE_M = 5;
const ABSURD_ANGLE_RAD = 20;

/** Whether element `i` of an action is one that could be meant. */
function isSane({ kind, dim }: ActionSpace, i: number, value: number): boolean {
  if (i === dim - 1) return value >= -0.01 && value <= 1.01;
  switch (kind) {
    case "ee-delta-7":
    case "joint-delta":
      return Math.abs(value) <= ABSURD_STEP;
    case "ee-pose-8":
      return Math.abs(value) <= (i < 3 ? ABSURD_PLACE_M : 1.001);
    case "joint-position":
      return Math.abs(value) <= ABSURD_ANGLE_RAD;
    default:
      return kind satisfies never;
  }
}

export async function checkPolicy(policy: Policy, options: CheckPolicyOptions): Promise<readonly Finding[]> {
  const findings = new Findings();
  checkInfo(policy, findings);
  const request: InferRequest = { seed: 7 };
  try {
    const observation = options.observation(0);
    const before = Float32Array.from(observation.state);
    const chunk = await policy.infer(observation, request);
    findings.expect(same(before, observation.state), "observation.state", "left as it was", [...observation.state]);
    checkChunk(policy, observation, request, chunk, findings);
    if (options.repeatable !== false) {
      const again = await policy.infer(options.observation(0), request);
      findings.expect(same(chunk.values, again.values), "infer", "the same chunk for the same seed", "another");
    }
    const pair = [options.observation(1), options.observation(2)] as const;
    const chunks = await Promise.all(pair.map((one) => policy.infer(one, request)));
    const ids = chunks.map(({ origin }) => origin.observationId);
    findings.expect(ids[0] === pair[0].id && ids[1] === pair[1].id, "infer", "each answer to its own observation", ids);
    await checkHeads(policy, options.observation(3), findings);
  } catch (thrown) {
    findings.expect(false, "infer", "a chunk", messageOf(thrown));
  }
  return findings.list;
}

function checkInfo({ info }: Policy, findings: Findings): void {
  const { space, horizon, modelDigest, stateNames, historyLength, heads } = info;
  const known = Object.hasOwn(WIDTHS, space.kind) && WIDTHS[space.kind](space.dim) && space.stepMs > 0;
  findings.expect(known, "info.space", "a kind of action space with its number of elements", space);
  findings.expect(Number.isInteger(horizon) && horizon >= 1, "info.horizon", "a whole number above 0", horizon);
  findings.expect(/^([0-9a-f]{64})?$/.test(modelDigest), "info.modelDigest", "SHA-256 in hex, or empty", modelDigest);
  findings.expect(new Set(stateNames).size === stateNames.length, "info.stateNames", "names once each", stateNames);
  findings.expect(
    Number.isInteger(historyLength) && historyLength >= 0,
    "info.historyLength",
    "0 or more",
    historyLength,
  );
  findings.expect(heads.length > 0, "info.heads", "at least one", heads);
}

async function checkHeads(policy: Policy, observation: Observation, findings: Findings): Promise<void> {
  for (const head of policy.info.heads) {
    const request: InferRequest = { seed: 3, head };
    checkChunk(policy, observation, request, await policy.infer(observation, request), findings);
  }
}

function checkChunk(
  { info }: Policy,
  observation: Observation,
  request: InferRequest,
  chunk: ActionChunk,
  findings: Findings,
): void {
  const { values, horizon, space, origin } = chunk;
  const length = info.horizon * info.space.dim;
  findings.expect(horizon === info.horizon, "chunk.horizon", `${info.horizon}`, horizon);
  findings.expect(space.stepMs === info.space.stepMs, "chunk.space", `${info.space.stepMs} ms a step`, space);
  findings.expect(values.length === length, "chunk.values", `float32[${length}]`, `${values.length} numbers`);
  findings.expect(values.every(Number.isFinite), "chunk.values", "finite numbers", [...values]);
  const sane = values.every((x, i) => isSane(info.space, i % info.space.dim, x));
  findings.expect(sane, "chunk.values", "metres and radians, gripper in 0..1", [...values]);
  findings.expect(space.kind === info.space.kind, "chunk.space", info.space.kind, space);
  findings.expect(chunk.startNs === observation.captureNs, "chunk.startNs", `${observation.captureNs}n`, chunk.startNs);
  findings.expect(
    origin.observationId === observation.id,
    "origin.observationId",
    observation.id,
    origin.observationId,
  );
  findings.expect(origin.seed === request.seed, "origin.seed", `${request.seed}`, origin.seed);
  findings.expect(origin.modelDigest === info.modelDigest, "origin.modelDigest", info.modelDigest, origin.modelDigest);
  const times = Object.values(origin.stageMs);
  findings.expect(
    times.every((ms) => ms >= 0),
    "origin.stageMs",
    "no time below 0",
    origin.stageMs,
  );
  checkBelief(chunk.belief, findings);
}

function checkBelief({ intent, done, pointing }: Belief, findings: Findings): void {
  findings.expect(done >= 0 && done <= 1, "belief.done", "0..1", done);
  const words = intent.kind === "obey" || (intent.kind === "ask" ? intent.question : intent.reason).trim() !== "";
  findings.expect(words, "belief.intent", "a sentence for the person", intent);
  const channels = pointing.map(({ channel }) => channel);
  findings.expect(new Set(channels).size === channels.length, "belief.pointing", "each channel once", channels);
  for (const { at, nowhere, heat, channel } of pointing) {
    const what = `belief.pointing ${channel}`;
    findings.expect(nowhere >= 0 && nowhere <= 1, what, "nowhere in 0..1", nowhere);
    findings.expect(at === null || at.every(Number.isFinite), what, "a finite place or null", at);
    let mass = 0;
    for (const { rows, cols, values } of Object.values(heat)) {
      findings.expect(values.length === rows * cols, what, `float32[${rows}, ${cols}]`, `${values.length} numbers`);
      mass += values.reduce((sum, x) => sum + x, 0);
    }
    findings.expect(mass >= 0 && mass <= 1.001, what, "heat that sums to at most 1", mass);
  }
}

function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
}
