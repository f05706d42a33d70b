/** The configuration that the bundled tabletop policy is trained with. */
import { type TabletopConfig, tabletopConfig } from "@bidden/models";
import { ANSWERS, pandaEmbodiment } from "@bidden/sim";

export const trainingConfig: TabletopConfig = {
  ...tabletopConfig,
  stateNames: pandaEmbodiment.stateNames,
  answers: ["yes", "no", ...ANSWERS],
};
