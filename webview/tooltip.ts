import { element } from './dom.js';

/** One tooltip for the page: what hovering shows, keyboard focus shows too. Lines are given when it opens. */
const texts = new WeakMap<Element, () => readonly string[]>();
const hoverDelay = 400;
const gap = 6;

let bubble: HTMLElement | null = null;
let timer = 0;

/** Gives an element a tooltip; the lines are asked for each time it opens. */
export function describe(target: Element, lines: () => readonly string[]): void {
  texts.set(target, lines);
  target.setAttribute('data-tip', '');
}

/** Starts listening, once for the page. */
export function installTooltips(): void {
  document.addEventListener('pointerover', (event) => {
    // A drawing shows its own; marks that appear under a resting pointer must not take it away.
    if (!(event.target instanceof Element && event.target.closest('.plot') !== null)) schedule(described(event.target), hoverDelay);
  });
  document.addEventListener('pointerdown', hideTooltip);
  document.addEventListener('focusin', (event) => {
    const target = event.target;
    if (target instanceof Element && target.matches(':focus-visible') && !target.matches('input, select')) schedule(described(target), hoverDelay);
  });
  document.addEventListener('focusout', hideTooltip);
  document.addEventListener('scroll', hideTooltip, { capture: true, passive: true });
}

/** Shows lines beside a point of the window, at once. */
export function showTooltipAt(x: number, y: number, lines: readonly string[]): void {
  window.clearTimeout(timer);
  bubble ??= document.body.appendChild(element('div', { class: 'tip', role: 'tooltip', id: 'ss-tip' }));
  bubble.replaceChildren(...lines.map((line, index) => element('div', { class: index === 0 ? 'tip-head' : null }, line)));
  bubble.hidden = false;
  const { width, height } = bubble.getBoundingClientRect();
  const left = Math.max(gap, Math.min(x, window.innerWidth - width - gap));
  const below = y + gap + height < window.innerHeight;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${below ? y + gap : Math.max(gap, y - height - 4 * gap)}px`;
}

/** Hides the tooltip. Returns whether one was open. */
export function hideTooltip(): boolean {
  window.clearTimeout(timer);
  const open = bubble !== null && !bubble.hidden;
  if (bubble !== null) bubble.hidden = true;
  return open;
}

function described(target: EventTarget | null): Element | null {
  return target instanceof Element ? target.closest('[data-tip]') : null;
}

function schedule(target: Element | null, delay: number): void {
  window.clearTimeout(timer);
  if (target === null) {
    hideTooltip();
    return;
  }
  timer = window.setTimeout(() => {
    const lines = texts.get(target)?.() ?? [];
    if (lines.length === 0 || !target.isConnected) return;
    const box = target.getBoundingClientRect();
    showTooltipAt(box.left, box.bottom, lines);
  }, delay);
}
