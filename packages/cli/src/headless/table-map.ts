/** The table from above in plain characters, as the person at its near side sees it: far at the top, left on the left. */
import { AREA, type ObjectState, type Scene } from "@bidden/sim";

const COLUMNS = 58;
const ROWS = 15;

/** Objects are drawn as numbers: their place in the list of the scene, from 1. */
export function tableMap(scene: Scene, states: readonly ObjectState[] = []): string {
  const cells = Array.from({ length: ROWS }, () => Array.from({ length: COLUMNS }, () => " "));
  scene.objects.forEach((object, index) => {
    const [x, y] = states[index]?.position ?? object.start;
    const column = cellOf(y, AREA.minY, AREA.maxY, COLUMNS);
    // The robot stands at small x, on the far side of the table.
    const row = cellOf(x, AREA.minX, AREA.maxX, ROWS);
    const line = cells[row];
    if (line !== undefined) line[column] = String((index + 1) % 10);
  });
  const edge = "-".repeat(COLUMNS);
  const robot = "robot".padStart(Math.ceil((COLUMNS + 5) / 2)).padEnd(COLUMNS);
  const you = "you".padStart(Math.ceil((COLUMNS + 3) / 2));
  return [` ${robot}`, `+${edge}+`, ...cells.map((line) => `|${line.join("")}|`), `+${edge}+`, ` ${you}`].join("\n");
}

function cellOf(value: number, min: number, max: number, cells: number): number {
  return Math.min(cells - 1, Math.max(0, Math.floor(((value - min) / (max - min)) * cells)));
}
