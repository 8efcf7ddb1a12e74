// The same mocha suite in a desktop VS Code, for machines with internet or with a VS Code on the disk.
//   npm run test:electron      VSCODE_TEST_VERSION=stable|insiders|1.91.0   VSCODE_EXECUTABLE=/usr/share/code/code
// On Linux without a display: xvfb-run -a npm run test:electron
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runTests } from '@vscode/test-electron';
import { installDependencies } from '../lib/dependencies.mjs';
import { node, repository } from '../lib/run.mjs';

installDependencies();
if ((await node(['esbuild.mjs', '--tests', 'vscode'])).code !== 0) process.exit(1);
const folder = mkdtempSync(path.join(tmpdir(), 'sigma-'));
const workspace = path.join(folder, 'workspace');
cpSync(path.join(repository, 'test/fixtures/workspace'), workspace, { recursive: true });
const results = path.join(folder, 'results.json');
let code = 1;
try {
  code = await runTests({
    version: process.env.VSCODE_TEST_VERSION ?? 'stable',
    ...(process.env.VSCODE_EXECUTABLE ? { vscodeExecutablePath: process.env.VSCODE_EXECUTABLE } : {}),
    extensionDevelopmentPath: repository,
    extensionTestsPath: path.join(repository, 'dist-test/vscode/index.js'),
    extensionTestsEnv: { SIGMASCOPE_TEST_RESULTS: results },
    launchArgs: [
      workspace, '--disable-extensions', '--disable-workspace-trust', '--disable-gpu', '--user-data-dir', path.join(folder, 'user'),
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
  if (existsSync(results)) {
    const { tests } = JSON.parse(readFileSync(results, 'utf8'));
    const count = (state) => tests.filter((t) => t.state === state).length;
    console.log(`${count('passed')} passed, ${count('failed')} failed`);
  } else {
    console.error('The extension host wrote no results: it died.');
    code = 71;
  }
} catch (error) {
  console.error(String(error));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(code);
