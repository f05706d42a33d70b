import { describe, expect, test } from "vitest";
import * as node from "../index.node.ts";
import * as web from "../index.web.ts";
import { checkBackend } from "./check-backend.ts";

describe("conformance", () => {
  test("onnxruntime-node on the processor", async () => {
    const results = await checkBackend(node, { threads: 1 });
    expect(results.filter(({ problem }) => problem !== null)).toEqual([]);
    expect(results.length).toBeGreaterThan(15);
  });

  test("onnxruntime-web's WebAssembly", async () => {
    web.setWasmThreads(1);
    const results = await checkBackend(web);
    expect(results.filter(({ problem }) => problem !== null)).toEqual([]);
  });

  test("a provider that is not there is refused with those that are", async () => {
    await expect(node.createSession(new Uint8Array(), { provider: "abacus" })).rejects.toThrow(
      /has no execution provider "abacus"; available: cpu/,
    );
  });

  test("bytes that are no model are refused", async () => {
    await expect(node.createSession(new Uint8Array([1, 2, 3]))).rejects.toThrow(/could not open the model/);
  });
});
