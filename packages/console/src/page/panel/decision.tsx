/** Who decides and how: gate, mode, what the policy believes, and where the milliseconds go. */
import type { ReactNode } from "react";
import type { Mode, Status } from "../../protocol/messages.ts";
import { release } from "../link/acts.ts";
import { slow } from "../link/live.ts";
import { useStore } from "../store.ts";

const MODES: Readonly<Record<Mode, string>> = {
  nominal: "nominal",
  slow: "slow",
  hold: "holding",
  stop: "stopped",
};

export function Decision(): ReactNode {
  const status = useStore(slow, (state) => state.status);
  const driver = useStore(slow, (state) => state.driver);
  const mayOperate = useStore(slow, (state) => state.mayOperate);
  if (status === null) return null;
  const latched = status.mode === "hold" || status.mode === "stop";
  return (
    <section className="card" aria-labelledby="decision-title">
      <div className="card-head">
        <h2 id="decision-title">What decides</h2>
      </div>
      <dl className="facts">
        <dt>Driver</dt>
        <dd>
          {driver?.kind === "expert" ? (
            "scripted expert (sees the full state)"
          ) : (
            <Digest name={driver?.name ?? ""} digest={driver?.digest ?? ""} />
          )}
        </dd>
        <dt>Gate</dt>
        <dd className="gate" data-tone={gateTone(status)}>
          <i className="lamp" aria-hidden="true" />
          <span>{status.verdict.kind === "ok" ? "passes every command" : status.verdict.reason}</span>
        </dd>
        <dt>Mode</dt>
        <dd className="mode">
          <span>{MODES[status.mode]}</span>
          {latched ? (
            <button type="button" className="pill-button" onClick={release} disabled={!mayOperate}>
              Release
            </button>
          ) : null}
        </dd>
        <dt>Believes done</dt>
        <dd className="meter-row">
          <span className="meter" aria-hidden="true">
            <i style={{ width: `${Math.round(status.done * 100)}%` }} />
          </span>
          <span className="number">{Math.round(status.done * 100)} %</span>
        </dd>
        <dt>100 Hz loop</dt>
        <dd>
          <span className="number">{status.tickLateMs.toFixed(1)} ms</span> late at most in 99 of 100 ticks
        </dd>
      </dl>
      <Stages stageMs={status.stageMs} />
    </section>
  );
}

/** A gate that holds because nobody has asked for anything is at peace, not in trouble. */
function gateTone({ verdict, mode, phase }: Status): "ok" | "rest" | "hold" | "latched" {
  if (mode === "hold" || mode === "stop") return "latched";
  if (verdict.kind === "ok") return "ok";
  return phase === "moving" ? "hold" : "rest";
}

function Digest({ name, digest }: { name: string; digest: string }): ReactNode {
  return (
    <>
      {name} <code title={digest}>{digest.slice(0, 12)}</code>
    </>
  );
}

/** One bar, a part for each stage, as long as it took. */
function Stages({ stageMs }: { stageMs: Status["stageMs"] }): ReactNode {
  const stages = Object.entries(stageMs);
  const total = stages.reduce((sum, [, ms]) => sum + ms, 0);
  if (total <= 0) return <p className="empty">The milliseconds of each stage appear here with the first chunk.</p>;
  return (
    <div className="stages">
      <div className="stages-head">
        <span>One chunk</span> <span className="number">{total.toFixed(1)} ms</span>
      </div>
      <div className="stages-bar" aria-hidden="true">
        {stages.map(([name, ms]) => (
          <i key={name} style={{ flexGrow: Math.max(ms / total, 0.004) }} />
        ))}
      </div>
      <ul>
        {stages.map(([name, ms]) => (
          <li key={name}>
            <i aria-hidden="true" /> {name} <span className="number">{ms.toFixed(1)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
