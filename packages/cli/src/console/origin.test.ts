import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { isLoopback, refusalOf } from "./origin.ts";

const request = (headers: Record<string, string>): IncomingMessage => ({ headers }) as unknown as IncomingMessage;

test.each([
  ["127.0.0.1", true],
  ["127.8.8.8", true],
  ["localhost", true],
  ["::1", true],
  ["0.0.0.0", false],
  ["127.0.0.1.example.com", false],
  ["192.168.1.4", false],
])("%s is loopback: %s", (host, loopback) => {
  expect(isLoopback(host)).toBe(loopback);
});

describe("who may connect", () => {
  test("on loopback: pages that this server served, under a loopback name", () => {
    expect(refusalOf(request({ host: "localhost:7070", origin: "http://localhost:7070" }), "127.0.0.1")).toBeNull();
    expect(refusalOf(request({ host: "[::1]:7070", origin: "http://[::1]:7070" }), "::1")).toBeNull();
    expect(refusalOf(request({ host: "127.0.0.1:7070", origin: "http://localhost:7070" }), "127.0.0.1")).not.toBeNull();
    expect(refusalOf(request({ host: "evil.example", origin: "http://evil.example" }), "127.0.0.1")).not.toBeNull();
    expect(refusalOf(request({}), "127.0.0.1")).not.toBeNull();
  });

  test("opened to the network: under any name, but still only this server's own pages", () => {
    expect(refusalOf(request({ host: "robot.local:7070", origin: "http://robot.local:7070" }), "0.0.0.0")).toBeNull();
    expect(refusalOf(request({ host: "robot.local:7070", origin: "http://evil.example" }), "0.0.0.0")).not.toBeNull();
  });
});
