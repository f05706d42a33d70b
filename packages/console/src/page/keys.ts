/**
 * Keys that work everywhere on the page. Stop comes first: Esc always, the space bar whenever no text is being typed
 * (also on a focused button: a button is pressed with Enter). Any letter begins a sentence, so that the hands need not
 * find the box first while the arm moves.
 */
import { stop } from "./link/acts.ts";

export const BOX_ID = "instruction";

export function startKeys(): void {
  addEventListener("keydown", onKey, { capture: true });
}

function onKey(event: KeyboardEvent): void {
  const typing = isTyping(event.target);
  if (event.key === "Escape" || (event.key === " " && !typing && !event.ctrlKey && !event.metaKey)) {
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) stop();
    if (event.key === "Escape" && typing) (event.target as HTMLElement).blur();
    return;
  }
  const begins = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (typing || !begins) return;
  const box = document.getElementById(BOX_ID);
  if (!(box instanceof HTMLInputElement) || box.disabled) return;
  if (event.key === "/") event.preventDefault();
  else box.select();
  box.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
