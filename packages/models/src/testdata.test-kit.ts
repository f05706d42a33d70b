/** For tests: folders of testdata/models, of which large files are stored as gzip. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll } from "vitest";

const copies: string[] = [];
afterAll(() => {
  for (const copy of copies) rmSync(copy, { recursive: true, force: true });
});

/** A copy of a folder of testdata/models, every `.gz` in it unpacked; it goes when the file's tests are done. */
export function unpacked(name: string): string {
  const copy = mkdtempSync(join(tmpdir(), "bidden-testdata-"));
  copies.push(copy);
  cpSync(fileURLToPath(new URL(`../../../testdata/models/${name}`, import.meta.url)), copy, { recursive: true });
  for (const file of readdirSync(copy, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".gz")) continue;
    const path = join(copy, file);
    writeFileSync(path.slice(0, -".gz".length), gunzipSync(readFileSync(path)));
    rmSync(path);
  }
  return copy;
}
