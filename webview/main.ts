import { App } from './app.js';
import { element } from './dom.js';
import { findHost } from './host.js';
import { installSpeech } from './speech.js';
import style from './style.css';
import { installTooltips } from './tooltip.js';

/** The stylesheet is injected with the nonce of the page's own script: the page allows no other styles. */
const own = document.currentScript instanceof HTMLScriptElement ? document.currentScript : document.querySelector<HTMLScriptElement>('script[nonce]');
const sheet = element('style');
if (own?.nonce !== undefined && own.nonce !== '') sheet.nonce = own.nonce;
sheet.textContent = style;
document.head.append(sheet);

const host = findHost();
if (!/\bvscode-(light|dark|high-contrast)/.test(document.body.className)) followSystemTheme();
const root = document.getElementById('root') ?? document.body.appendChild(element('div', { id: 'root' }));
installSpeech();
installTooltips();
new App(root, host).start();

/** A page outside the editor has no theme: it follows the system's. */
function followSystemTheme(): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    document.body.classList.add('standalone');
    document.body.classList.toggle('vscode-dark', dark.matches);
    document.body.classList.toggle('vscode-light', !dark.matches);
  };
  apply();
  dark.addEventListener('change', apply);
}
