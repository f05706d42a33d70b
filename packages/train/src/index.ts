export type { CollectOutcome } from "./collect/collect.ts";
export { collectDemonstration, collectStill, drawEpisode, drawSkill } from "./collect/collect.ts";
export type { EpisodeMeta, Query } from "./collect/columns.ts";
export { frameColumns, MAX_OBJECTS } from "./collect/columns.ts";
export { trainingConfig } from "./tabletop/config.ts";
export { tabletopObjective, targetShapes } from "./tabletop/objective.ts";
