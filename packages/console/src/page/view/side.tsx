/** Episodes to choose from, filtered by sentence; and what lint found, each a jump to its frame. */
import { type ReactNode, useMemo, useState } from "react";
import type { ViewDataset } from "../../protocol/view.ts";
import { useStore } from "../store.ts";
import { showEpisode, view } from "./state.ts";

/** So many rows are drawn; filtering reaches the rest. */
const SHOWN = 300;

export function Side({ dataset }: { dataset: ViewDataset }): ReactNode {
  const [tab, setTab] = useState<"episodes" | "findings">("episodes");
  const findings = useStore(view, (state) => state.findings);
  const count = findings === undefined ? "..." : findings === null ? "" : String(findings.length);
  return (
    <aside className="view-side">
      <div className="view-tabs" role="tablist">
        <button type="button" role="tab" aria-selected={tab === "episodes"} onClick={() => setTab("episodes")}>
          Episodes <span>{dataset.episodes.length}</span>
        </button>
        <button
          type="button"
          role="tab"
          aria-selected={tab === "findings"}
          data-bad={count !== "" && count !== "0" && count !== "..."}
          onClick={() => setTab("findings")}
        >
          Lint <span>{count}</span>
        </button>
      </div>
      {tab === "episodes" ? <Episodes dataset={dataset} /> : <Findings />}
    </aside>
  );
}

function Episodes({ dataset }: { dataset: ViewDataset }): ReactNode {
  const [words, setWords] = useState("");
  const [task, setTask] = useState(-1);
  const current = useStore(view, (state) => state.episode?.index ?? -1);
  const findings = useStore(view, (state) => state.findings);
  const flagged = useMemo(() => new Set((findings ?? []).map((finding) => finding.episode)), [findings]);
  const rows = useMemo(() => {
    const wanted = words.trim().toLowerCase();
    const fits = (i: number): boolean => {
      const own = dataset.episodes[i]?.tasks ?? [];
      if (task >= 0 && !own.includes(task)) return false;
      return wanted === "" || String(i) === wanted || own.some((t) => dataset.tasks[t]?.toLowerCase().includes(wanted));
    };
    return dataset.episodes.flatMap((_, i) => (fits(i) ? [i] : []));
  }, [dataset, words, task]);
  return (
    <>
      <div className="view-filter">
        <input
          type="search"
          placeholder="Words or a number"
          aria-label="Filter episodes"
          value={words}
          onChange={(event) => setWords(event.target.value)}
        />
        <select aria-label="Task" value={task} onChange={(event) => setTask(Number(event.target.value))}>
          <option value={-1}>All tasks ({dataset.tasks.length})</option>
          {dataset.tasks.slice(0, SHOWN).map((text, i) => (
            <option key={text} value={i}>
              {text === "" ? "(no sentence)" : text}
            </option>
          ))}
        </select>
      </div>
      <ol className="view-list">
        {rows.slice(0, SHOWN).map((i) => (
          <li key={i}>
            <button type="button" aria-current={i === current} onClick={() => void showEpisode(i)}>
              <span className="number">{i}</span>
              <span className="view-task">
                {(dataset.episodes[i]?.tasks ?? []).map((t) => dataset.tasks[t]).join(" / ")}
              </span>
              {flagged.has(i) ? <i className="view-flag" title="Lint found something in it" /> : null}
              <span className="number view-length">{dataset.episodes[i]?.length}</span>
            </button>
          </li>
        ))}
        {rows.length > SHOWN ? (
          <li className="view-empty">and {rows.length - SHOWN} more: filter to reach them</li>
        ) : null}
        {rows.length === 0 ? <li className="view-empty">No episode fits.</li> : null}
      </ol>
    </>
  );
}

function Findings(): ReactNode {
  const findings = useStore(view, (state) => state.findings);
  if (findings === undefined) return <p className="view-empty">Still looking through the dataset.</p>;
  if (findings === null)
    return <p className="view-empty">Lint knows LeRobot datasets; convert this one to have it looked through.</p>;
  if (findings.length === 0) return <p className="view-empty">Nothing found.</p>;
  return (
    <ol className="view-list">
      {findings.map((finding, i) => (
        // oxlint-disable-next-line react/no-array-index-key -- the list never changes
        <li key={i}>
          <button
            type="button"
            className="view-finding"
            data-severity={finding.severity}
            disabled={finding.episode === undefined}
            onClick={() => void showEpisode(finding.episode ?? 0, finding.frame ?? 0)}
          >
            <strong>{finding.rule}</strong>
            <span className="number">
              {finding.episode === undefined ? "dataset" : `episode ${finding.episode}`}
              {finding.frame === undefined ? "" : `, frame ${finding.frame}`}
            </span>
            <span className="view-evidence">{finding.evidence}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
