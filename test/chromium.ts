/** Where this machine's Chromium is; undefined where there is none, and tests in a browser are skipped. */
import { existsSync } from "node:fs";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const executablePath: string | undefined = [process.env["CHROMIUM_PATH"] ?? "", ...PLACES].find(
  (path) => path !== "" && existsSync(path),
);

if (executablePath === undefined) {
  process.stderr.write(`Browser tests skipped: no Chromium at ${PLACES.join(", ")} or in CHROMIUM_PATH.\n`);
}
