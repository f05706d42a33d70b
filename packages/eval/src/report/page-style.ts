/** The report's style: readable on a phone, in light and dark, and on paper. */
import { FAILURE_CAUSES } from "../failures.ts";

/** Hues far apart in the order in which causes are listed. */
const CAUSE_HUES = Object.keys(FAILURE_CAUSES).map((cause, i) => ({ cause, hue: (i * 137.5 + 12) % 360 }));

const BASE = `
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--faint:#d9dee4;--card:#fff;--page:#f5f6f8;--accent:#0b6bcb;--good:#14804a;--bad:#c2381f;--table:#e9dcc6}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa5b1;--faint:#333b45;--card:#1a1f26;--page:#101418;--accent:#62aefc;--good:#4cc38a;--bad:#ff7a5c;--table:#4a4234}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 80px}
h1{font-size:28px;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:19px;margin:0 0 12px}
.lead{color:var(--soft);margin:0 0 24px}
section{background:var(--card);border:1px solid var(--faint);border-radius:12px;padding:20px 22px;margin:0 0 18px}
section>p{color:var(--soft);margin:0 0 12px;max-width:70ch}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;margin:0 0 18px}
.card{background:var(--card);border:1px solid var(--faint);border-radius:12px;padding:16px 18px}
.card b{display:block;font-size:30px;line-height:1.2;font-weight:650;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:13px;display:block}
.plot{width:100%;height:auto;min-width:660px;max-width:860px;font-size:13px;overflow:visible}
.plot text{fill:var(--ink)}.plot .tick,.plot .note{fill:var(--soft)}.plot .figure{fill:var(--ink);font-weight:600}
.grid{stroke:var(--faint)}.axis{stroke:var(--soft)}.interval{stroke:var(--accent);stroke-width:3;stroke-linecap:round;opacity:.55}
.dot{fill:var(--accent)}.bar{fill:var(--accent)}.goal{stroke:var(--soft);stroke-width:2;stroke-dasharray:3 3}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;padding:0;margin:10px 0 0;list-style:none;color:var(--soft);font-size:13px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--faint);font-variant-numeric:tabular-nums}
th{color:var(--soft);font-weight:500}
.scroll{overflow-x:auto}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
summary{cursor:pointer;color:var(--accent)}
`;

const REPLAYS = `
.filters{display:flex;flex-wrap:wrap;gap:8px;margin:0 0 14px}
.filters select,button{font:inherit;color:inherit;background:var(--page);border:1px solid var(--faint);border-radius:8px;padding:5px 10px}
button{cursor:pointer}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.stage{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:20px;margin:0 0 16px}
@media(max-width:760px){.stage{grid-template-columns:1fr}}
.top{width:100%;background:var(--table);border-radius:10px;display:block}
.top .path{fill:none;stroke:var(--accent);stroke-width:3;opacity:.75;stroke-linejoin:round}
.top .trail{fill:none;stroke:var(--ink);stroke-width:2;opacity:.35;stroke-dasharray:6 5}
.top text{font-size:17px;fill:var(--soft)}
.controls{display:flex;gap:10px;align-items:center;margin-top:8px}.controls input{flex:1}
.clock{font-variant-numeric:tabular-nums;color:var(--soft);min-width:4.2em;text-align:right}
.pictures{display:grid;grid-template-columns:1fr 1fr;gap:8px;margin:10px 0}.pictures img{width:100%;border-radius:8px;image-rendering:pixelated;display:block}
.pictures figcaption{font-size:12px;color:var(--soft)}figure{margin:0}
.said{font-size:18px;font-weight:600;margin:0 0 4px;overflow-wrap:anywhere}
.won{color:var(--good)}.lost{color:var(--bad)}
.list{display:grid;grid-template-columns:repeat(auto-fill,minmax(128px,1fr));gap:10px;max-height:430px;overflow-y:auto;padding:2px}
.list button{padding:0;overflow:hidden;text-align:left;background:var(--card)}.list button[aria-pressed=true]{border-color:var(--accent);box-shadow:0 0 0 1px var(--accent)}
.list img{width:100%;display:block;image-rendering:pixelated}.list span{display:block;padding:4px 8px;font-size:12px;line-height:1.35}
.list .sentence{color:var(--soft);display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden;padding-top:0;margin-bottom:6px}
`;

export function pageStyle(): string {
  const causes = CAUSE_HUES.map(
    ({ cause, hue }) => `.cause-${cause}{fill:hsl(${hue} 62% 54%);background:hsl(${hue} 62% 54%)}`,
  );
  return `${BASE}${REPLAYS}${causes.join("")}`;
}
