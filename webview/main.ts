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
const root = document.getElementById('root') ?? document.body.appendChild(element('div', { id: 'root' }));
installSpeech();
installTooltips();
new App(root, host).start();
