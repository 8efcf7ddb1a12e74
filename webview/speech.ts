import { element } from './dom.js';

/** The one polite live region of the page. */
let region: HTMLElement | null = null;

/** Adds the live region, once for the page. */
export function installSpeech(): void {
  region = document.body.appendChild(element('div', { id: 'ss-live', class: 'hidden-text', 'aria-live': 'polite', role: 'status' }));
}

/** Has a screen reader say a text when it is idle. */
export function speak(text: string): void {
  if (region !== null) region.textContent = text;
}
