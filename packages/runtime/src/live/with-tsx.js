// Plain JavaScript, as a worker's first file where Node cannot read TypeScript: Node 20 does not apply `--import tsx` to a
// worker's entry, so the loader is registered here and the real module (the last argument) is imported after it.
import { register } from "tsx/esm/api";

register();
await import(process.argv.at(-1));
