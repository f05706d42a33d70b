import { spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * On Linux a niceness belongs to a thread, and 0 names the calling one: the loop's thread may ask to run first, inference
 * to run after it. Elsewhere it would be the whole process's, so nothing is done there.
 */
export function preferThread(niceness: number): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, niceness);
  } catch {
    // running first takes a privilege (CAP_SYS_NICE); without it the others' politeness has to do
  }
}

/**
 * Asks Linux to run the calling thread in real time (SCHED_FIFO), before every ordinary thread: a niceness alone still
 * waits for the end of another thread's slice, 3 ms here. Node has no call for it, so util-linux's `chrt` is asked; it
 * needs CAP_SYS_NICE or an `rtprio` limit (limits.conf), as audio users have. A thread that never ends is still slowed
 * down by the kernel (sched_rt_runtime_us), so the rest of the machine stays usable. False, and nothing changed, elsewhere.
 */
export function runInRealTime(): boolean {
  if (process.platform !== "linux") return false;
  try {
    const thread = readlinkSync("/proc/thread-self").split("/").at(-1)!;
    const asked = spawnSync("chrt", ["--fifo", "--reset-on-fork", "--pid", REAL_TIME_PRIORITY, thread], {
      timeout: 1000,
    });
    return asked.status === 0;
  } catch {
    return false;
  }
}

/** 1 to 99; low, since only ordinary threads are to be overtaken, none of the kernel's. */
const REAL_TIME_PRIORITY = "10";

/** Niceness of the loop's thread (where that is allowed), and of threads that can wait. */
export const LOOP_NICENESS = -15;
export const PATIENT_NICENESS = 5;
