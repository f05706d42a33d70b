/**
 * The box. It begins with a sentence to try; Enter sends; up and down walk through what was said before. After sending
 * it lets go of the keyboard, so that the next space bar is a stop; the next letter begins the next sentence.
 */
import { type FormEvent, type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { SendIcon } from "../icons.tsx";
import { BOX_ID } from "../keys.ts";
import { instruct } from "../link/acts.ts";
import { slow } from "../link/live.ts";

export function InstructionBox({
  first,
  usable,
  reason,
}: {
  first: string;
  usable: boolean;
  reason: string;
}): ReactNode {
  const box = useRef<HTMLInputElement>(null);
  /** null: nobody has written yet, and the sentence to try stands in the box. */
  const [written, setWritten] = useState<string | null>(null);
  /** How far back in what was said; 0 is the sentence being written. */
  const [back, setBack] = useState(0);
  const text = written ?? first;
  const send = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() === "" || !instruct(text)) return;
    setWritten("");
    setBack(0);
    box.current?.blur();
  };
  const walk = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const said = saidBefore();
    const next = Math.max(0, Math.min(said.length, back + step));
    setBack(next);
    setWritten(next === 0 ? "" : (said[said.length - next] ?? ""));
  };
  return (
    <form className="box" onSubmit={send}>
      <input
        ref={box}
        id={BOX_ID}
        type="text"
        value={text}
        disabled={!usable}
        placeholder={usable ? "Say what the arm should do" : reason || "Connecting"}
        aria-label="Instruction"
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        enterKeyHint="send"
        onChange={(event) => setWritten(event.target.value)}
        onKeyDown={walk}
      />
      <button type="submit" className="send" disabled={!usable || text.trim() === ""} aria-label="Send">
        <SendIcon />
      </button>
    </form>
  );
}

/** What people said in this session, oldest first, each once in a row. */
function saidBefore(): readonly string[] {
  const said = slow
    .get()
    .log.filter((entry) => entry.who === "you" && entry.tone === "plain")
    .map((entry) => entry.text);
  return said.filter((text, index) => text !== said[index - 1]);
}
