/** What was said and what it answered, over the lower left of the table; the newest is always in sight. */
import { type ReactNode, useEffect, useRef } from "react";
import type { LogEntry } from "../../protocol/messages.ts";
import { choose } from "../link/acts.ts";
import { slow } from "../link/live.ts";
import { letterOf, useOpenQuestion } from "../question.ts";
import { useStore } from "../store.ts";

/** Older lines are kept by the server; the page shows this many. */
const SHOWN = 40;

export function Conversation(): ReactNode {
  const log = useStore(slow, (state) => state.log);
  const question = useOpenQuestion();
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (log.length > 0) end.current?.scrollIntoView({ block: "end" });
  }, [log]);
  if (log.length === 0) return null;
  return (
    <ol className="talk" role="log" aria-label="Conversation" tabIndex={-1}>
      {log.slice(-SHOWN).map((entry) => (
        <Line key={entry.id} entry={entry} open={entry === question} />
      ))}
      <li ref={end} aria-hidden="true" className="talk-end" />
    </ol>
  );
}

function Line({ entry, open }: { entry: LogEntry; open: boolean }): ReactNode {
  return (
    <li className="line" data-who={entry.who} data-tone={entry.tone}>
      <p>{entry.text}</p>
      {entry.candidates.length === 0 ? null : (
        <div className="answers">
          {entry.candidates.map((candidate, index) => (
            <button
              key={`${candidate.label} ${candidate.at.join(" ")}`}
              type="button"
              className="answer"
              disabled={!open}
              onClick={() => choose(entry.id, index)}
            >
              <b>{letterOf(index)}</b> {candidate.label}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}
