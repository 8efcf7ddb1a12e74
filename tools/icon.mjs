// Draws media/icon.png, the extension's icon in lists, from media/icon.svg with the host's Chromium.
//   node tools/icon.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { launchBrowser } from './vscode/host.mjs';

const size = 128;
const browser = await launchBrowser();
try {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const drawing = Buffer.from(readFileSync('media/icon.svg')).toString('base64');
  await page.setContent(`<body style="margin:0;background:transparent"><img src="data:image/svg+xml;base64,${drawing}" width="${size}" height="${size}">`);
  await page.waitForFunction("document.images[0].complete");
  writeFileSync('media/icon.png', await page.screenshot({ omitBackground: true }));
} finally {
  await browser.close();
}
