/**
 * The script of the replays, as text: it runs in the reader's browser, without any library. Draws an episode from above as
 * the person sees it (robot at the top), with a slider through time.
 */
export const PAGE_SCRIPT = String.raw`
const items = JSON.parse(document.getElementById("replays").textContent);
const $ = (id) => document.getElementById(id);
const NS = "http://www.w3.org/2000/svg";
const make = (name, attributes, parent) => {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
};
let current = null, step = 0, timer = null, movers = [];
const steps = (item) => item.tool.length / 3;
// Seen from the person: their left is -y, and the robot's base (x = 0) is far away.
const across = (y) => y + 350;
const down = (x) => x - 220;

function shape(thing, parent) {
  const group = make("g", {}, parent);
  const edge = { stroke: "rgb(0 0 0 / .35)", "stroke-width": 2 };
  const half = thing.radius / Math.SQRT2;
  if (thing.kind === "square") make("rect", { x: -half, y: -half, width: 2 * half, height: 2 * half, fill: thing.rgb, opacity: 0.75 }, group);
  else if (thing.kind === "block") make("rect", { x: -half, y: -half, width: 2 * half, height: 2 * half, rx: 3, fill: thing.rgb, ...edge }, group);
  else if (thing.kind === "drawer") {
    make("rect", { x: -55, y: -146, width: 110, height: 120, fill: thing.rgb, opacity: 0.45, ...edge }, group);
    make("rect", { x: -46, y: -10, width: 92, height: 14, rx: 3, fill: thing.rgb, ...edge }, group);
  } else {
    make("circle", { r: thing.radius, fill: thing.rgb, ...edge }, group);
    if (thing.kind === "bowl") make("circle", { r: thing.radius * 0.72, fill: "rgb(0 0 0 / .28)" }, group);
    if (thing.kind === "plate") make("circle", { r: thing.radius * 0.72, fill: "none", stroke: "rgb(0 0 0 / .18)", "stroke-width": 3 }, group);
    if (thing.kind === "ball") make("circle", { cx: -thing.radius * 0.3, cy: -thing.radius * 0.3, r: thing.radius * 0.28, fill: "rgb(255 255 255 / .55)" }, group);
    if (thing.kind === "can") make("circle", { r: thing.radius * 0.6, fill: "none", stroke: "rgb(255 255 255 / .4)", "stroke-width": 2 }, group);
  }
  return group;
}

const FLAT = ["square", "plate", "bowl", "drawer"];
function build(item) {
  const svg = $("top");
  svg.replaceChildren();
  make("text", { x: 350, y: 24, "text-anchor": "middle" }, svg).textContent = "robot";
  make("text", { x: 350, y: 512, "text-anchor": "middle" }, svg).textContent = "you";
  movers = [];
  const things = item.things.toSorted((a, b) => FLAT.includes(b.kind) - FLAT.includes(a.kind));
  for (const thing of things) if (thing.path) make("polyline", { class: "trail", points: line(thing.path) }, svg);
  for (const thing of things) movers.push({ thing, group: shape(thing, svg) });
  for (const [x, y] of item.candidates) make("circle", { cx: across(y), cy: down(x), r: 42, fill: "none", stroke: "var(--bad)", "stroke-width": 4, "stroke-dasharray": "9 7" }, svg);
  make("polyline", { class: "path", id: "sofar", points: "" }, svg);
  const hand = make("g", { id: "hand" }, svg);
  for (const side of ["left", "right"]) make("rect", { id: side, y: -10, width: 9, height: 20, rx: 2, fill: "var(--ink)" }, hand);
}
function line(path, until) {
  const points = [];
  const end = until === undefined ? path.length / 3 : until + 1;
  for (let i = 0; i < end; i++) points.push(across(path[3 * i + 1]) + "," + down(path[3 * i]));
  return points.join(" ");
}
function draw() {
  const item = current, last = steps(item) - 1;
  step = Math.max(0, Math.min(last, step));
  for (const { thing, group } of movers) {
    const [x, y] = thing.path ? [thing.path[3 * step], thing.path[3 * step + 1]] : thing.start;
    const lift = thing.path ? 1 + Math.max(0, thing.path[3 * step + 2] - thing.path[2]) / 500 : 1;
    group.setAttribute("transform", "translate(" + across(y) + " " + down(x) + ") scale(" + lift + ")");
  }
  $("sofar").setAttribute("points", line(item.tool, step));
  const at = 3 * step, wide = item.gripper[step] / 2;
  $("hand").setAttribute("transform", "translate(" + across(item.tool[at + 1]) + " " + down(item.tool[at]) + ")");
  $("left").setAttribute("x", -wide - 9);
  $("right").setAttribute("x", wide);
  $("slider").value = step;
  $("clock").textContent = (step * item.stepS).toFixed(1) + " s";
  $("height").textContent = "tool " + (item.tool[at + 2] / 10).toFixed(1) + " cm above the table";
}
function play(on) {
  clearInterval(timer);
  timer = null;
  $("play").textContent = on ? "Pause" : "Play";
  if (!on) return;
  if (step >= steps(current) - 1) step = 0;
  timer = setInterval(() => { step++; draw(); if (step >= steps(current) - 1) play(false); }, current.stepS * 500);
}
function show(item, playing) {
  current = item;
  step = 0;
  build(item);
  $("slider").max = steps(item) - 1;
  $("said").textContent = "“" + item.said + "”";
  const verdict = $("verdict");
  verdict.textContent = (item.won ? "✓ " : "✗ ") + item.verdict + (item.cause ? " · " + item.cause : "");
  verdict.className = item.won ? "won" : "lost";
  $("reason").textContent = item.reason;
  $("facts").textContent = "believed done: " + (item.believed ? "yes" : "no") + " · simulator: " + (item.judged === null ? "cannot say" : item.judged ? "done" : "not done");
  $("again").textContent = 'npx bidden run "' + item.said.replace(/["$\u0060\\]/g, "\\$&") + '" --seed ' + item.seed + " --headless";
  $("first").src = item.first;
  $("last").src = item.last;
  for (const button of $("list").children) button.setAttribute("aria-pressed", button.item === item);
  draw();
  play(playing);
}
function list() {
  const group = $("group").value, outcome = $("outcome").value;
  const chosen = items.filter((item) => (!group || item.group === group) && (!outcome || item.won === (outcome === "won")));
  $("list").replaceChildren(...chosen.map((item) => {
    const button = document.createElement("button");
    button.item = item;
    const image = Object.assign(new Image(), { src: item.last, alt: "", loading: "lazy" });
    const verdict = Object.assign(document.createElement("span"), { textContent: (item.won ? "✓ " : "✗ ") + item.group + (item.cause ? " · " + item.cause : ""), className: item.won ? "won" : "lost" });
    const sentence = Object.assign(document.createElement("span"), { textContent: item.said, className: "sentence" });
    button.append(image, verdict, sentence);
    button.onclick = () => show(item, true);
    return button;
  }));
  if (chosen.length > 0) show(chosen[0], false);
}
for (const group of [...new Set(items.map((item) => item.group))]) $("group").append(new Option(group, group));
$("group").onchange = list;
$("outcome").onchange = list;
$("play").onclick = () => play(timer === null);
$("slider").oninput = (event) => { play(false); step = Number(event.target.value); draw(); };
if (items.length > 0) list(); else $("replay-section").hidden = true;
`;
