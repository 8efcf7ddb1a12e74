import type { ChartTheme } from './charts/chart.js';

/** Tokens of the page's theme that a drawing needs resolved. */
export function chartTheme(width: number): ChartTheme {
  return { font: getComputedStyle(document.body).fontFamily, width, highContrast: isHighContrast() };
}

/** True in the editor's high contrast themes. */
export function isHighContrast(): boolean {
  return document.body.classList.contains('vscode-high-contrast') || document.body.classList.contains('vscode-high-contrast-light');
}

/** Calls `changed` when the theme's kind or the fonts change; plain colour changes need no redraw. */
export function onThemeKind(changed: () => void): void {
  const kind = (): string => `${String(isHighContrast())} ${getComputedStyle(document.body).fontFamily}`;
  let last = kind();
  new MutationObserver(() => {
    const now = kind();
    if (now === last) return;
    last = now;
    changed();
  }).observe(document.body, { attributes: true, attributeFilter: ['class'] });
}

/** Replaces every `var(--…)` of an SVG text by the colour that the page shows now. */
export function resolveColours(text: string): string {
  const probe = document.body.appendChild(document.createElement('span'));
  probe.hidden = true;
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const resolved = new Map<string, string>();
  const resolve = (variable: string): string => {
    probe.style.color = '';
    probe.style.color = variable;
    return asHex(getComputedStyle(probe).color, canvas);
  };
  const result = text.replace(/var\(--[\w-]+\)/g, (variable) => {
    const known = resolved.get(variable) ?? resolve(variable);
    resolved.set(variable, known);
    return known;
  });
  probe.remove();
  return result;
}

/** The page's background, as a plain colour. */
export function backgroundColour(): string {
  return resolveColours('var(--ss-bg)');
}

/** A computed colour, also `color(srgb …)` of color-mix, as #rrggbb by painting one pixel. */
function asHex(computed: string, canvas: CanvasRenderingContext2D | null): string {
  if (canvas === null) return computed;
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = computed;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
