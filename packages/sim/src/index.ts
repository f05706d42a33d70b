export type * from "./types.ts";
export { COLOURS, GRASPABLE, KINDS, RECEPTACLES, SIZES } from "./types.ts";
export type { ArmModel } from "./arm/arm.ts";
export { panda } from "./arm/panda.ts";
export { pandaEmbodiment } from "./arm/panda-embodiment.ts";
export { COLOUR_RGB } from "./scene/colours.ts";
export { footprintRadiusM } from "./scene/shapes.ts";
export { AREA, createScene } from "./scene/create-scene.ts";
export type { Requirement, SceneOptions } from "./scene/create-scene.ts";
export { sceneMjcf, TIME_STEP_MS } from "./scene/scene-mjcf.ts";
export type { GeomDescription } from "./physics/layout.ts";
export { createWorld, World } from "./world.ts";
export type { WorldOptions, WorldRenderOptions, WorldSnapshot, WorldView } from "./world.ts";
export { ANSWERS, askQuestion } from "./language/questions.ts";
export type { Answer, Question, QuestionOptions } from "./language/questions.ts";
export { parseInstruction } from "./language/parse/parse-instruction.ts";
export type { Parsed } from "./language/parse/parse-instruction.ts";
export { describe, isDescribable, isTelling, refer } from "./language/describe.ts";
export type { DescribeOptions } from "./language/describe.ts";
export { PLACINGS } from "./language/meaning.ts";
export type { Meaning, Meanings, Phrase, Placing, Strange } from "./language/meaning.ts";
export { sayTask } from "./language/say-task.ts";
export type { Said, SayOptions } from "./language/say-task.ts";
export { sceneNow } from "./language/scene-now.ts";
export { sameTask, targetOf, tasksOf } from "./language/tasks.ts";
export { TEMPLATES } from "./language/templates.ts";
export type { Template } from "./language/templates.ts";
export { sayOutside } from "./language/unclear/outside.ts";
export { sayUnclear, UNCLEAR_KINDS } from "./language/unclear/say-unclear.ts";
export type { Role, Unclear, UnclearKind } from "./language/unclear/say-unclear.ts";
export { heldOutWords } from "./language/words.ts";
export type { Split } from "./language/words.ts";
export { demonstrate, labelState } from "./skills/demonstrate.ts";
export type {
  DemonstrationOptions,
  DemonstrationOutcome,
  DemonstrationStep,
  StateLabel,
} from "./skills/demonstrate.ts";
export { drawDisturbance, UNDISTURBED } from "./skills/disturb.ts";
export type { Disturbance } from "./skills/disturb.ts";
export { ActionDriver } from "./skills/drive.ts";
export { createExpert } from "./skills/expert/expert.ts";
export type { Expert } from "./skills/expert/expert.ts";
export { createExpertPolicy } from "./skills/expert-policy.ts";
export type { ExpertPolicy } from "./skills/expert-policy.ts";
export { steer } from "./skills/expert/motion.ts";
export { judge, violations } from "./skills/judge.ts";
export type { Violation } from "./skills/judge.ts";
export { rolesOf } from "./skills/roles.ts";
export type { Roles } from "./skills/roles.ts";
export { senseWorld, stateVector } from "./skills/sense.ts";
