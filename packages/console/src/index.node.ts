export { buildPage } from "./build.node.ts";
