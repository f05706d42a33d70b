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

/** Niceness of the loop's thread (where that is allowed), and of threads that can wait. */
export const LOOP_NICENESS = -15;
export const PATIENT_NICENESS = 5;
