/**
 * The deed, seen from outside: a real browser types a sentence into the real page, a simulated arm does it under the loop
 * and the gate, and the space bar stops the next one on its way. Needs a Chromium; without one it says so and is skipped.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BiddenError } from "@bidden/runtime";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath } from "./chromium.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const bundled = existsSync(`${root}packages/models/checkpoints/tabletop/model.safetensors`);
/** A table with blocks far apart. */
const SEED = "13";
/** No policy does everything, and a crowded machine may hold the arm: so many tries for a deed. */
const TRIES = 4;
const SLOW_MS = 240_000;
/** What the arm has answered. */
const ANSWERS = ".line[data-who=arm]";

describe.skipIf(executablePath === undefined)("the console in a browser", () => {
  let server: ChildProcess;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    server = spawn(
      process.execPath,
      [
        "packages/cli/bin/bidden.js",
        "console",
        "--port",
        "0",
        "--seed",
        SEED,
        "--policy",
        bundled ? "tabletop" : "expert",
      ],
      { cwd: root, stdio: ["ignore", "pipe", "inherit"] },
    );
    const link = await linkOf(server);
    browser = await chromium.launch({
      executablePath: executablePath ?? "",
      args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    });
    page = await browser.newPage({ viewport: { width: 860, height: 640 }, reducedMotion: "reduce" });
    page.setDefaultTimeout(SLOW_MS / 3);
    await page.goto(link, { waitUntil: "commit" });
    await page.waitForSelector(".app[data-link=open]", { timeout: 60_000 });
  }, SLOW_MS);

  afterAll(async () => {
    await browser?.close();
    server?.kill("SIGINT");
  });

  /** Presses the button that lets a held arm move, when there is one. */
  async function release(): Promise<void> {
    const button = page.locator(".pill-button").first();
    if (await button.isVisible()) await button.click();
    await page.waitForSelector(".app[data-mode=nominal]");
  }

  /** Types a sentence; returns how many answers the arm had given before. */
  async function say(text: string): Promise<number> {
    const answers = await page.locator(ANSWERS).count();
    await page.fill("#instruction", text);
    await page.press("#instruction", "Enter");
    return answers;
  }

  async function answered(before: number): Promise<void> {
    await page
      .locator(ANSWERS)
      .nth(before)
      .waitFor({ timeout: SLOW_MS / 2 });
  }

  async function details(open: boolean): Promise<void> {
    const name = open ? "Details" : "Close the details";
    await page.getByRole("button", { name, exact: true }).click();
  }

  async function conversation(): Promise<string> {
    const lines = await page.locator(".line").allInnerTexts();
    return lines.join(" ");
  }

  test("begins with a sentence in the box, three to try, the cameras and who drives", async () => {
    const tries = await page.locator(".try").allInnerTexts();
    expect(tries.length).toBe(3);
    expect(await page.inputValue("#instruction")).toBe(tries[0]);
    expect(await page.locator("[data-driver]").getAttribute("data-driver")).toBe(bundled ? "policy" : "expert");
    await details(true);
    await page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>("[data-camera=front] .picture");
      return canvas?.getContext("2d")?.getImageData(56, 40, 1, 1).data[3] === 255;
    });
    await details(false);
  });

  test(
    "does what is typed, and the simulator's judge agrees",
    async () => {
      const sentence = (await page.locator(".try").first().innerText()).trim();
      for (let attempt = 0; attempt < TRIES && !(await conversation()).includes("judge agrees"); attempt++) {
        await release();
        await answered(await say(sentence));
        await page.waitForTimeout(500);
      }
      expect(await conversation()).toContain(sentence);
      expect(await conversation()).toContain("Done. The simulator's judge agrees.");
    },
    SLOW_MS,
  );

  test(
    "the space bar stops it on its way, and nothing moves until a person says so",
    async () => {
      const sentence = (await page.locator(".try").nth(1).innerText()).trim();
      for (let attempt = 0; attempt < TRIES; attempt++) {
        await release();
        const before = await say(sentence);
        const moving = page.waitForSelector(".app[data-phase=moving]", { timeout: SLOW_MS / 4 }).then(() => true);
        if (await Promise.race([moving, answered(before).then(() => false)])) break;
      }
      await page.keyboard.press("Space");
      await page.waitForSelector(".app[data-phase=stopped]");
      await details(true);
      await page.waitForFunction(() => {
        const speed = /(\d+\.\d+) rad\/s/.exec(document.body.innerText)?.[1];
        return speed !== undefined && Number(speed) < 0.05;
      });
      await details(false);
      expect(await page.getAttribute(".app", "data-mode")).toBe("stop");
      expect(await conversation()).toContain("Stopped.");
      await say(sentence);
      await page.waitForFunction(() => document.querySelector(".talk")?.textContent?.includes("I am held"));
      expect(await page.getAttribute(".app", "data-phase")).toBe("stopped");
      await release();
    },
    SLOW_MS,
  );

  test(
    "a shuffle sets another table",
    async () => {
      await page.getByRole("button", { name: "Shuffle" }).click();
      await page.waitForSelector(`.app[data-seed="${Number(SEED) + 1}"]`, { timeout: 60_000 });
      expect(await conversation()).toContain(`scene ${Number(SEED) + 1}`);
    },
    SLOW_MS,
  );
});

function linkOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    server.stdout?.on("data", (data: Buffer) => {
      said += data.toString();
      const link = /http:\S+#token=\S+/.exec(said);
      if (link !== null) resolve(link[0]);
    });
    server.once("exit", (code) =>
      reject(new BiddenError("worker-died", `The console ended with code ${code}: ${said}`)),
    );
  });
}
