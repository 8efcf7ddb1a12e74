// Which Chromium to drive: $CHROMIUM, the system's, or the one that install.mjs takes from npm.
import { existsSync } from 'node:fs';
import path from 'node:path';

const systemPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function systemBrowser() {
  return process.env.CHROMIUM ?? systemPaths.find((p) => existsSync(p));
}

/** Path and environment of the browser; throws a sentence when there is none. */
export function findBrowser(hostFolder) {
  const own = path.join(hostFolder, 'chromium');
  if (existsSync(path.join(own, 'chromium'))) {
    return { path: path.join(own, 'chromium'), env: { LD_LIBRARY_PATH: path.join(own, 'lib'), FONTCONFIG_FILE: path.join(own, 'fonts.conf') } };
  }
  const found = systemBrowser();
  if (!found) throw new Error('No Chromium was found; set CHROMIUM to one, or run SIGMASCOPE_BROWSER=npm node tools/vscode/install.mjs.');
  return { path: found, env: {} };
}
