/** One line of progress with the time left: rewritten in place on a terminal, every few seconds elsewhere. Goes to stderr. */

const PLAIN_EVERY_MS = 10_000;
const TERMINAL_EVERY_MS = 100;

export type Progress = {
  update(done: number, note?: string): void;
  end(summary?: string): void;
};

export function createProgress(label: string, total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  const began = performance.now();
  const terminal = stream.isTTY === true;
  let first: number | null = null;
  let shownAt = -Infinity;
  const show = (text: string): void => {
    stream.write(terminal ? `\r\x1b[2K${text}` : `${text}\n`);
  };
  return {
    update(done, note = "") {
      first ??= done - 1;
      const now = performance.now();
      if (now - shownAt < (terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS) && done < total) return;
      shownAt = now;
      const leftMs = ((now - began) / Math.max(1, done - first)) * (total - done);
      show(
        `${label} ${done}/${total} ${Math.floor((100 * done) / total)} %, ${duration(leftMs)} left${note && `, ${note}`}`,
      );
    },
    end(summary = "done") {
      show(`${label}: ${summary} (${duration(performance.now() - began)})`);
      if (terminal) stream.write("\n");
    },
  };
}

/** Such as "45 s", "3 min", "2 h 5 min". */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
