// Runs dist-test/vscode/index.js (mocha) in the extension host of the offline VS Code.
//   node tools/vscode/run-host-tests.mjs     exit code 0, 1 a test failed, 70 no answer, 71 the host died
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { repository } from '../lib/run.mjs';
import { launchBrowser, startServer } from './host.mjs';

const limitMs = Number(process.env.SIGMASCOPE_TEST_LIMIT_MS ?? 300_000);
const debug = Boolean(process.env.DEBUG);
const folder = mkdtempSync(path.join(tmpdir(), 'sigma-test-'));
const workspace = path.join(folder, 'workspace');
cpSync(path.join(repository, 'test/fixtures/workspace'), workspace, { recursive: true });
const results = path.join(folder, 'results.json');

const server = await startServer({ env: { SIGMASCOPE_TEST_RESULTS: results }, log: debug });
const browser = await launchBrowser();
let code = 70;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const exit = new Promise((resolve, reject) => {
    void page.exposeFunction('codeAutomationLog', (type, args) => (type === 'error' ? console.error : console.log)(...args));
    void page.exposeFunction('codeAutomationExit', (exitCode) => resolve(exitCode));
    page.on('crash', () => reject(new Error('The page crashed.')));
    setTimeout(() => reject(new Error(`The extension host gave no result within ${limitMs / 1000} s.`)), limitMs).unref();
  });
  if (debug) page.on('console', (m) => console.error('[console]', m.type(), m.text().slice(0, 300)));
  await page.goto(
    server.url(workspace, [
      ['extensionDevelopmentPath', server.remote(repository)],
      ['extensionTestsPath', server.remote(path.join(repository, 'dist-test/vscode/index.js'))],
      ['enableProposedApi', ''],
      ['skipWelcome', 'true'],
    ]),
  );
  try {
    code = await exit;
  } catch (error) {
    console.error(String(error));
    console.error(server.log().slice(-3000));
    await page.screenshot({ path: path.join(repository, 'dist-test/host-timeout.png') }).catch(() => undefined);
  }
} finally {
  await browser.close();
  await server.stop();
}
// The host's exit code is 0 even when it was aborted, so the results file decides.
if (existsSync(results)) {
  const { tests } = JSON.parse(readFileSync(results, 'utf8'));
  const count = (state) => tests.filter((t) => t.state === state).length;
  for (const t of tests.filter((t) => t.state === 'failed')) console.error(`failed: ${t.title}\n${t.error ?? ''}`);
  console.log(`extension host: ${count('passed')} passed, ${count('failed')} failed, ${count('pending')} skipped`);
  const summary = process.env.SIGMASCOPE_MOCHA_RESULTS;
  if (summary) writeFileSync(summary, JSON.stringify({ passed: count('passed'), failed: count('failed'), skipped: count('pending') }));
  if (count('failed') > 0 || count('passed') === 0) code ||= 1;
} else {
  console.error('The extension host wrote no results: it died.');
  code ||= 71;
}
rmSync(folder, { recursive: true, force: true });
process.exit(code);
