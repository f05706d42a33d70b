/** The configuration that the bundled tabletop policy is trained with. */
import { type TabletopConfig, tabletopConfig } from "@bidden/models";
import { ANSWERS, COLOURS, KINDS, pandaEmbodiment, SIZES } from "@bidden/sim";

export const trainingConfig: TabletopConfig = {
  ...tabletopConfig,
  stateNames: pandaEmbodiment.stateNames,
  attributes: [
    { name: "colour", values: COLOURS },
    { name: "kind", values: KINDS },
    { name: "size", values: SIZES },
  ],
  answers: ["yes", "no", ...ANSWERS],
};
