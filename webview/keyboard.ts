import type { PanelCommand } from '../server/protocol.js';
import { inTextField } from './dom.js';

/** The panel's keys. The same commands come from the editor's keybindings; a pair within this time is one press. */
const samePress = 250;

let lastCommand: PanelCommand | null = null;
let lastTime = 0;

/** The command of a key, or null. Keys with Ctrl or Cmd stay the editor's; in text fields only Esc counts. */
export function commandOf(event: KeyboardEvent): PanelCommand | null {
  if (event.ctrlKey || event.metaKey) return null;
  if (event.altKey) return event.key === 'ArrowUp' ? 'previousLayer' : event.key === 'ArrowDown' ? 'nextLayer' : null;
  if (inTextField(event) && event.key !== 'Escape') return null;
  switch (event.key) {
    case '1': return 'tab1';
    case '2': return 'tab2';
    case '3': return 'tab3';
    case 'w': return 'worstLayer';
    case 'n': return 'nextFinding';
    case 'N': return 'previousFinding';
    case 't': return 'tableTwin';
    case 'e': return 'exportChart';
    case '/': return 'filter';
    case 'Escape': return 'escape';
    default: return null;
  }
}

/** Is this key text for a field? Esc and the function keys are not, nor is anything with Ctrl, Alt or Cmd. */
export function isTyping(event: KeyboardEvent): boolean {
  return inTextField(event) && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== 'Escape' && !/^F\d+$/.test(event.key);
}

/** True when this command is the echo of the same key press on the other way. */
export function isEcho(command: PanelCommand, source: 'key' | 'editor', now: number): boolean {
  const echo = source === 'editor' && command === lastCommand && now - lastTime < samePress;
  if (source === 'key') {
    lastCommand = command;
    lastTime = now;
  }
  return echo;
}
