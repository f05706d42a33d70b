/** An evaluation as one page that needs nothing beside itself: figures, plots, and replays to look at. */
import type { Rate } from "../statistics/intervals.ts";
import { FAILURE_CAUSES } from "../failures.ts";
import { escapeHtml, scriptJson } from "./escape.ts";
import { PAGE_SCRIPT } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";
import { type CauseRow, causePlot, causesIn, durationPlot, forestPlot, type RateRow } from "./plots.ts";
import { type PictureEncoder, replayItems } from "./replay-data.ts";
import type { Report } from "./report.ts";
import { interval, percent } from "./table.ts";

/** What the policy is built to reach, drawn as ticks. */
const GOALS: Readonly<Record<string, number>> = { pick: 0.85, put: 0.85, push: 0.85 };
const CORE_GOAL = 0.92;
const UNCLEAR_GOAL = 0.9;

export function reportHtml(report: Report, encode: PictureEncoder): string {
  const { setting } = report;
  const title = `bidden eval: ${setting.policy.name}`;
  const sections = [
    cards(report),
    skills(report),
    wordings(report),
    unclear(report),
    causes(report),
    durations(report),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${pageStyle()}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>${lead(report)}
${[...sections, replays(), templates(report), how(report)].join("\n")}
</main><script type="application/json" id="replays">${scriptJson(replayItems(report.episodes, encode))}</script>
<script>${PAGE_SCRIPT}</script></body></html>
`;
}

function lead({ setting, measured, planned }: Report): string {
  const part = measured < planned ? `ended early: ${measured} of ${planned} episodes` : `${measured} episodes`;
  const expert =
    setting.policy.name === "expert" ? " The scripted expert drove: it sees the full state, not the cameras." : "";
  return `<p class="lead">${escapeHtml(`${part}, ${setting.split} sentences, ${setting.date.slice(0, 10)}.${expert}`)} Bars and brackets are 95 % Wilson intervals.</p>`;
}

function cards({ summary }: Report): string {
  const all: readonly (readonly [string, Rate])[] = [
    ["pick, put and push succeed", summary.core],
    ["ordinary instructions succeed", summary.ordinary],
    ...summary.unclear.map((row) => [`${row.name}: rightly not obeyed`, row] as const),
    ["ordinary instructions wrongly questioned", summary.wronglyQuestioned],
  ];
  const shown = all.filter(([, rate]) => rate.trials > 0);
  return `<div class="cards">${shown.map(([name, rate]) => card(name, rate)).join("")}</div>`;
}

function card(name: string, rate: Rate): string {
  return `<div class="card"><b>${percent(rate.rate)}</b><span>${escapeHtml(name)}</span><span>${interval(rate)}, ${rate.successes}/${rate.trials}</span></div>`;
}

function skills({ summary }: Report): string {
  if (summary.skills.length === 0) return "";
  const rows: RateRow[] = summary.skills.map((row) => withGoal(row.name, row, GOALS[row.name]));
  const core = summary.core.trials > 0 ? [withGoal("pick, put, push", summary.core, CORE_GOAL)] : [];
  const believed = [
    { label: "believed done: it was", rate: summary.beliefPrecision },
    { label: "done: it was believed", rate: summary.beliefRecall },
  ].filter(({ rate }) => rate.trials > 0);
  return section(
    "Success by skill",
    "An episode succeeds when the policy believes that it is done and the simulator agrees. Dashed: what it is built to reach.",
    forestPlot("Success by skill", [...rows, ...core]) + forestPlot("Belief and truth", believed),
  );
}

function withGoal(label: string, rate: Rate, goal: number | undefined): RateRow {
  return goal === undefined ? { label, rate } : { label, rate, goal };
}

function wordings({ summary }: Report): string {
  if (summary.wordings.length === 0) return "";
  const rows = summary.wordings.map((row) => ({ label: row.name, rate: row }));
  return section(
    "Success by wording",
    "How the thing was described. An instruction can be several of these; direct is none of the others. Unseen words never occur in training.",
    forestPlot("Success by wording", rows),
  );
}

function unclear({ summary }: Report): string {
  if (summary.unclear.length === 0) return "";
  const rows = summary.unclear.map((row) => withGoal(row.name, row, UNCLEAR_GOAL));
  const still = summary.unclear.map((row) => ({ label: `${row.name}: still`, rate: row.still }));
  return section(
    "What must not be obeyed blindly",
    "Right is: no motion, and the question or refusal that fits. Still is: no motion, whatever it said.",
    forestPlot("Rightly not obeyed", rows) + forestPlot("No motion", still),
  );
}

function causes({ summary }: Report): string {
  const rows: CauseRow[] = [...summary.skills, ...summary.unclear]
    .map(({ name, trials, causes }) => ({ label: name, trials, causes }))
    .filter((row) => Object.keys(row.causes).length > 0);
  if (rows.length === 0) return "";
  const legend = causesIn(rows).map(
    (cause) => `<li><i class="cause-${cause}"></i>${cause}: ${escapeHtml(FAILURE_CAUSES[cause])}</li>`,
  );
  return section(
    "Why episodes failed",
    "",
    `${causePlot("Failures by cause", rows)}<ul class="legend">${legend.join("")}</ul>`,
  );
}

function durations({ summary, episodes, setting }: Report): string {
  if (summary.skills.length === 0) return "";
  const rows = summary.skills.map(({ name }) => ({
    label: name,
    seconds: episodes
      .filter(({ plan, success }) => success && plan.kind === "ordinary" && plan.skill === name)
      .map(({ result }) => result.simSeconds),
  }));
  return section("How long successes took", "Simulated seconds.", durationPlot("Durations", rows, setting.maxSeconds));
}

function replays(): string {
  return `<section id="replay-section"><h2>Replays</h2><p>Seen from above, from the person's side. A sample of the successes and of the failures of every group.</p>
<div class="filters"><select id="group" aria-label="group"><option value="">all groups</option></select>
<select id="outcome" aria-label="outcome"><option value="">successes and failures</option><option value="lost">failures</option><option value="won">successes</option></select></div>
<div class="stage"><div><svg id="top" class="top" viewBox="0 0 700 530" role="img" aria-label="The table from above"></svg>
<div class="controls"><button id="play">Play</button><input id="slider" type="range" min="0" value="0" aria-label="time"><span id="clock" class="clock"></span></div></div>
<div><p class="said" id="said"></p><p><strong id="verdict"></strong><br><span id="reason"></span></p>
<div class="pictures"><figure><img id="first" alt="front camera at the start"><figcaption>start</figcaption></figure><figure><img id="last" alt="front camera at the end"><figcaption>end</figcaption></figure></div>
<p><span id="facts"></span><br><span id="height"></span></p><p><code id="again"></code></p></div></div>
<div class="list" id="list"></div></section>`;
}

function templates({ summary }: Report): string {
  const rows = summary.templates.map(
    ({ name, group, rate, successes, trials }) =>
      `<tr><td>${escapeHtml(group)}</td><td><code>${escapeHtml(name)}</code></td><td>${percent(rate)}</td><td>${successes}/${trials}</td></tr>`,
  );
  return `<section><h2>By sentence template</h2><details><summary>${rows.length} templates, worst first</summary><div class="scroll"><table><thead><tr><th>group</th><th>template</th><th>rate</th><th></th></tr></thead><tbody>${rows.join("")}</tbody></table></div></details></section>`;
}

function how({ setting, summary }: Report): string {
  const facts: readonly (readonly [string, string])[] = [
    ["command", setting.command],
    ["policy", `${setting.policy.name} ${setting.policy.modelDigest}`],
    ["head", setting.head ?? "the policy's default"],
    ["machine", setting.machine],
    [
      "inference",
      `${summary.medianInferMs?.toFixed(1) ?? "?"} ms (median of the episodes' means); ${setting.inferDelayMs} ms on the virtual clock`,
    ],
    ["took", `${setting.wallSeconds} s`],
    ["date", setting.date],
  ];
  const list = facts.map(([name, value]) => `<dt>${name}</dt><dd><code>${escapeHtml(value)}</code></dd>`);
  return `<section><h2>How this was measured</h2><dl>${list.join("")}</dl></section>`;
}

function section(title: string, text: string, body: string): string {
  return `<section><h2>${escapeHtml(title)}</h2>${text === "" ? "" : `<p>${escapeHtml(text)}</p>`}<div class="scroll">${body}</div></section>`;
}
