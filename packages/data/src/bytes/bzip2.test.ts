import { createHash } from "node:crypto";
import { BiddenError } from "@bidden/runtime";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decompressBzip2 } from "./bzip2.ts";

/** Python 3.11: base64.b64encode(bz2.compress(data, 1)), and the sha256 of `data`. */
const SAMPLES = [
  {
    name: "nothing",
    bytes: 0,
    base64: "QlpoMRdyRThQkAAAAAA=",
    sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  },
  {
    name: "words, a long run, every byte",
    bytes: 5703,
    base64:
      "QlpoMTFBWSZTWeJXfscAAG//////////////////////////////////////////////wAG9zmd0DFNABNGTAI0ZMJgAJoxoJpkbTSMaTGg00ACaNNMIYINMhp6mjExDJpiY1DADQyGgBoTEzUzImnpNqegaj0R6AQwh6hMEwmABMCYAJgCMJiYTAmmARhMAGgRgGiegaBMJ5NDQm00AAAAAGkyNMEwAAmBNMCMABL/VJkyZHoQxBgExGNBB6j0NDRiRmQjEw0J6TTIzRDAaAAaAA0mQwjCYTRtTAEwRiY0jCMBNpMTBMAAAAZ6qJjQNNANDRM0BoCYmEaZMTJhBiYGgJgExommgYBMEZoIZBoyaZoAAAATTATRiaZDTE00YmmhkZpMAmjw/6uey7p80V6TKtNBf0hWdEOC+DcG88OL8aSP/QOQZQihzo9FfEdMSRvtLyCWLeE22Epg0JTSxNFH9nnbN/2+mHTyxEQsVMwJCqpcUZCxi7xgQIAQYAPwAGNaNHDlqNXO9dLpUj4Bts4H5aO7A9QZGXkMwUoABBD2EDxNXjae5aE/KSFclsI/tuoPOb7bfSuIx7fH1dft/1qa4GgUc7gns2B48JVBPkSOutpAj20CTYNRiUgLFV8ZkDGtBCAvmpQwf1Nt3IjbQNAPskqwv09gUMHFiMLCKSeH1xJKtUMwIKpn/iZoQmeMABTFToAAoWPgAUzXmFMwAUR89MQAKAoAGu0MGAFEOOezGmtHSGJJyAOAT7U+AHoAVUU2kHAAwg5MZU8AKcWTt6nwbRgAIOfmo3K1coaARhYAcTeABBD7hCCCAIPIhPHSBAQQAGo4EvQRUhzVl58GcoF4eQtLVZtiN0+3CoLw7pIoKsfxx0Vdoaa83gyyD2Z0W0/xBUJL8pC0/wz0hDg1qOq+iLtu0I8hAJYlbNc+YxStSlv650um0NIghkRX6lNihfnh9/G8K/jtXPJhcH6TJTJURSeUOyobys+U2zlenkmgOVGZb7HEkmVG36+8ei9Kk4f65nE+I4yW7ymy4XbzRHT+5PgBc5SDvjyyuIQ9yRHtLxTkQayBbpNAr8DzC6Gqc8TfaB7L6LhpRGWY6rrp9bZLo53+ax6L9cMzSP6JTxoemCiep2rT5FI3Vfv3gfzyWJuzGga3Lz9fku9HWjtim2ZdcvdqP22mwmzZlIFpZYPuGP6mAggAf6z/+7vb4u5IpwoSHErv2OA==",
    sha256: "0e726fdc8de40117737f5c76f0ecdfe9beeb6fb49b5fbc5099b1d23a4924c729",
  },
  {
    name: "three blocks",
    bytes: 257760,
    base64:
      "QlpoMTFBWSZTWWADAOYACgr//P////////////////////////////////+AAAhQA1wAAABA0MhoZBo0A0Bpo0BpowmQyABgTJkAGjQyNABhDQ0aAGgAGgAyAaaZAaAEDQyGhkGjQDQGmjQGmjCZDIAGBMmQAaNDI0AGENDRoAaAAaADIBppkBoAQNDIaGQaNANAaaNAaaMJkMgAYEyZABo0MjQAYQ0NGgBoABoAMgGmmQGgATVVRQNDIAMTRkAADTEwmjTIAaAAAADIwQ0ZDIMgAGgyMgDQAyAGg0A9RA0MhoZBo0A0Bpo0BpowmQyABgTJkAGjQyNABhDQ0aAGgAGgAyAaaZAaAMPQwKGDQ2ihtNDaqG10NsoYahttDbqG30OToYihiKG4UNxoblQ3OhulDdaG7UN3obxQ3mhiaGKoYuhvVDGUN7ob5QxtDHUN9ob9Q3+hwFDgaHBUODocJQ4Whw1Dh6HEUOJocVQ4uhxlDjaGPocdQyFDI0MlQ4+hk6GUoZWhlqHIUMvQ5GhyVDMUMjSLCqqGFQwaqoZqhgUA5ShytDlqHL0OYoczQ5qhzdDnKGboc7Q56hz9DoKHQ0OiodHQ6Sh0tDpqHT0OoodTQ6qh1dDrKHW0OuodfQ7Ch2NDsqHZ0O0odrQ7ah29DuKGcoZ2h3NDuqGeoZ+hoKGhoaKh3dDvKHe0NHQ76h39DSUNLQ8Ch4NDwqGmoaeh4dDxKHi0PGoaihqaHj0PIoeTQ8qh5dDzKHm0POoefQ9Ch6ND0qHp0NVQ9Sh6tD1qHr0NXQ1lD2KHs0NbQ11D2qHt0Pcoe7Q96h79D4KHw0NfQ+Kh8dD5KHy0PmofPQ+ih9ND6qGwobGh9dD7KH20PuoffQ/Ch+ND8qH50NlQ/Sh+tD9qH70NnQ/ih/ND+qH90P8of7Q/6hhUNTVUP/F3JFOFCQYAMA5g",
    sha256: "d73ff08c87bfc76e39cf42f1a367c3fabd4d8cba370140c0dc9d22b0d5184454",
  },
];

const from = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

it.each(SAMPLES)("$name", ({ bytes, base64, sha256 }) => {
  const out = decompressBzip2(from(base64), "sample");
  expect(out.length).toBe(bytes);
  expect(createHash("sha256").update(out).digest("hex")).toBe(sha256);
});

/** The hash of what came out (bits after the last block do not matter), or that an error of ours said why nothing did. */
function outcome(bytes: Uint8Array): string {
  try {
    return createHash("sha256").update(decompressBzip2(bytes, "sample")).digest("hex");
  } catch (error) {
    return error instanceof BiddenError ? "refused" : String(error);
  }
}

it("damaged anywhere: refused, never wrong", () => {
  const { base64, sha256 } = SAMPLES[1] as (typeof SAMPLES)[number];
  const good = from(base64);
  fc.assert(
    fc.property(fc.nat({ max: good.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const copy = good.slice();
      copy[at] = (copy[at] as number) ^ change;
      expect(["refused", sha256]).toContain(outcome(copy));
    }),
    { numRuns: 100 },
  );
  expect(() => decompressBzip2(good.subarray(0, 60), "sample")).toThrow(/sample is no readable bzip2: it is cut short/);
});
