import { readFileSync } from "node:fs";
import { Chain } from "@bidden/runtime";
import { beforeAll, describe, expect, it } from "vitest";
import { pandaLike } from "../../../runtime/src/testing/panda-like.ts";
import { loadEngine, Simulation } from "../physics/engine.ts";
import { createScene } from "../scene/create-scene.ts";
import { sceneMjcf } from "../scene/scene-mjcf.ts";
import { panda } from "./panda.ts";
import { FLANGE_Z_M, pandaEmbodiment } from "./panda-embodiment.ts";

type Pose = { readonly pos: readonly number[]; readonly quat: readonly number[] };
type Golden = {
  readonly cases: readonly { readonly q: readonly number[]; readonly link4: Pose; readonly flange: Pose }[];
};

const golden = JSON.parse(
  readFileSync(new URL("../../../../testdata/sim/panda-fk.json", import.meta.url), "utf8"),
) as Golden;

/** Largest difference of two poses; the sign of a quaternion is free. */
function distance(a: Pose, b: Pose): number {
  const dot = a.quat.reduce((sum, value, i) => sum + value * (b.quat[i] ?? 0), 0);
  const sign = dot < 0 ? -1 : 1;
  return Math.max(
    ...a.pos.map((value, i) => Math.abs(value - (b.pos[i] ?? 0))),
    ...a.quat.map((value, i) => Math.abs(value - sign * (b.quat[i] ?? 0))),
  );
}

describe("the Panda", () => {
  let simulation: Simulation;
  beforeAll(async () => {
    simulation = new Simulation(await loadEngine(), sceneMjcf(panda, createScene(1, { drawer: false })));
  });

  const bodyPose = (name: string): Pose => {
    const body = simulation.idOf("mjOBJ_BODY", name);
    const { xpos, xquat } = simulation.views;
    return { pos: [...xpos.subarray(3 * body, 3 * body + 3)], quat: [...xquat.subarray(4 * body, 4 * body + 4)] };
  };

  it("has the published kinematics, in MuJoCo and as an embodiment", () => {
    const chain = new Chain({
      joints: pandaEmbodiment.joints,
      lastFromTool: { pos: [0, 0, FLANGE_Z_M], quat: [1, 0, 0, 0] },
    });
    const addresses = panda.names.joints.map(
      (name) => (simulation.model.jnt_qposadr as Int32Array)[simulation.idOf("mjOBJ_JOINT", name)] as number,
    );
    for (const { q, link4, flange } of golden.cases) {
      addresses.forEach((address, i) => simulation.views.qpos.set([q[i] as number], address));
      simulation.updatePoses();
      expect(distance(bodyPose("link4"), link4)).toBeLessThan(1e-9);
      chain.forward(q);
      expect(distance({ pos: [...chain.toolPos], quat: [...chain.toolQuat] }, flange)).toBeLessThan(1e-9);
    }
  });

  it("is the arm of the runtime's own tests, which may not import it: the same joints from the same published table", () => {
    for (const [j, joint] of pandaEmbodiment.joints.entries()) {
      const { parentFromJoint, ...numbers } = pandaLike.joints[j]!;
      const { parentFromJoint: ours, ...same } = joint;
      expect(same).toEqual(numbers);
      ours.pos.forEach((metres, i) => expect(metres).toBeCloseTo(parentFromJoint.pos[i]!, 12));
      ours.quat.forEach((part, i) => expect(part).toBeCloseTo(parentFromJoint.quat[i]!, 12));
    }
    expect(pandaEmbodiment.stateNames).toEqual(pandaLike.stateNames);
  });

  it("has the tool of its embodiment where the model has its site", () => {
    const chain = new Chain(pandaEmbodiment);
    const site = simulation.idOf("mjOBJ_SITE", panda.names.tool);
    panda.names.joints.forEach((name, i) => {
      const joint = simulation.idOf("mjOBJ_JOINT", name);
      simulation.views.qpos.set([pandaEmbodiment.homeRad[i] ?? 0], (simulation.model.jnt_qposadr as Int32Array)[joint]);
    });
    simulation.forward();
    chain.forward(pandaEmbodiment.homeRad);
    const place = [...(simulation.data.site_xpos as Float64Array).subarray(3 * site, 3 * site + 3)];
    place.forEach((value, i) => expect(value).toBeCloseTo(chain.toolPos[i] as number, 9));
    [0.45, 0, 0.25].forEach((value, i) => expect(place[i]).toBeCloseTo(value, 6));
    // Straight down, fingers along y: a half turn about x.
    [0, 1, 0, 0].forEach((value, i) => expect(Math.abs(chain.toolQuat[i] as number)).toBeCloseTo(value, 6));
  });

  it("is held up against gravity and servoed inside its torque limits", () => {
    const { engine, model } = simulation;
    const ranges = model.actuator_forcerange as Float64Array;
    panda.names.joints.forEach((name, i) => {
      const actuator = engine.mj_name2id(model, engine.mjtObj.mjOBJ_ACTUATOR.value, name);
      expect(ranges[2 * actuator + 1]).toBe(pandaEmbodiment.joints[i]?.maxTorqueNm);
    });
    const held = ["link1", "link4", "link7", "hand", "finger-left"].map(
      (name) => (model.body_gravcomp as Float64Array)[simulation.idOf("mjOBJ_BODY", name)],
    );
    expect(held).toEqual([1, 1, 1, 1, 1]);
  });
});
