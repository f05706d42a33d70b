import { join } from "node:path";
import type { ViewDataset, ViewEpisode } from "@bidden/console";
import { openDataset } from "@bidden/data/node";
import { afterEach, describe, expect, it } from "vitest";
import type { ConsoleServer } from "../console/server.ts";
import { ViewAnswers } from "./answers.ts";
import { serveView } from "./server.ts";

const SAMPLES = join(import.meta.dirname, "../../../../testdata/data");
const site = new Map([["/view.html", { type: "text/html", body: Buffer.from("the page"), lasting: false }]]);
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function serve(name: string): Promise<(path: string, headers?: Record<string, string>) => Promise<Response>> {
  const dataset = await openDataset(join(SAMPLES, name));
  const answers = new ViewAnswers(dataset, join(SAMPLES, name));
  const server: ConsoleServer = await serveView({ answers, site, host: "127.0.0.1", port: 0 });
  open.push(server, dataset);
  return (path, headers = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, { headers });
}

describe("the server of bidden data view", () => {
  it("tells of the dataset and its episodes, and shows pictures as they are stored", async () => {
    const ask = await serve("lerobot/arm-images");
    expect(await (await ask("/")).text()).toBe("the page");
    const dataset = (await (await ask("/api/dataset")).json()) as ViewDataset;
    expect(dataset).toMatchObject({ fps: 30, robot: "synthetic_arm", guessedFps: false });
    expect(dataset.episodes).toHaveLength(4);
    expect(dataset.cameras.map(({ kind }) => kind)).toEqual(["images", "images"]);
    const episode = (await (await ask("/api/episode/1")).json()) as ViewEpisode;
    expect(episode.columns.slice(0, 2).map(({ name }) => name)).toEqual(["observation.state", "action"]);
    expect(episode.columns[0]?.values[0]).toHaveLength(episode.length);
    expect(episode.tasks[0]).toMatchObject({ from: 0 });
    const picture = await ask("/api/picture/1/observation.images.front/2");
    expect(picture.headers.get("content-type")).toBe("image/png");
    expect(await (await ask("/api/findings")).json()).toEqual(expect.any(Array));
  });

  it("sends an episode's video as a file of its own", async () => {
    const ask = await serve("lerobot/arm-h264-deleted");
    const video = await ask("/api/video/1/observation.images.front");
    expect(video.headers.get("content-type")).toBe("video/mp4");
    expect(Buffer.from(await video.arrayBuffer()).toString("latin1", 4, 8)).toBe("ftyp");
  });

  it("shows other formats too; lint has nothing to say of them", async () => {
    const ask = await serve("hdf5/robomimic.hdf5");
    const { cameras, episodes } = (await (await ask("/api/dataset")).json()) as ViewDataset;
    const picture = await ask(`/api/picture/0/${encodeURIComponent(cameras[0]?.name ?? "")}/0`);
    expect([picture.status, episodes.length > 0]).toEqual([200, true]);
    expect(await (await ask("/api/findings")).json()).toBeNull();
  });

  it("says what is not there, and answers nobody else's pages", async () => {
    const ask = await serve("lerobot/arm-images");
    for (const path of [
      "/api/episode/99",
      "/api/picture/0/observation.images.front/99",
      "/api/video/0/observation.images.front",
      "/api/../package.json",
      "/api/episode/x",
      "/nothing",
    ])
      expect((await ask(path)).status).toBe(404);
    expect((await ask("/api/picture/0/nobody/0")).status).toBe(422);
    expect((await ask("/api/dataset", { origin: "http://evil.example" })).status).toBe(403);
    expect((await ask("/%E0%A4%A")).status).toBe(404);
  });
});
