export { loadMinilm } from "./text/minilm.node.ts";
export { loadTabletopPolicy } from "./tabletop/load.node.ts";
