// npm test: installs and runs everything. The last line printed is `N passed, N failed`.
//   node tools/test.mjs [unit] [host] [browser] [lint] [types]     only these parts (all, without a name)
// Away from linux-x64 the tests in the offline VS Code are left out, and it says so; `npm run test:electron` runs
// the same suite in a desktop VS Code.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { node, repository } from './lib/run.mjs';
import { installDependencies } from './lib/dependencies.mjs';

const asked = process.argv.slice(2);
const wants = (part) => asked.length === 0 || asked.includes(part);
const tally = { passed: 0, failed: 0 };
const lines = [];
const started = performance.now();
const mocha = 'node_modules/mocha/bin/mocha.js';
/** Files of unit tests that run at the same time; some of them start processes of their own. */
const unitJobs = Math.min(4, os.availableParallelism());

/** One step that either holds or not; counts as one test. */
async function check(name, args) {
  console.log(`\n── ${name}`);
  const { code } = await node(args);
  record(name, code === 0 ? 1 : 0, code === 0 ? 0 : 1);
}

/** A mocha run; its own counts are taken from the JSON it writes. */
async function suite(name, args, results) {
  console.log(`\n── ${name}`);
  const file = path.join(repository, 'dist-test', results);
  rmSync(file, { force: true });
  const { code } = await node(args, { env: { SIGMASCOPE_MOCHA_RESULTS: file } });
  const stats = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
  if (stats.passed + stats.failed === 0 || (code !== 0 && stats.failed === 0)) stats.failed += 1;
  record(name, stats.passed, stats.failed, stats.skipped);
}

function record(name, passed, failed, skipped = 0) {
  tally.passed += passed;
  tally.failed += failed;
  lines.push(`${failed > 0 ? 'FAILED ' : 'ok     '} ${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
}

try {
  installDependencies();
  if (wants('lint')) await check('lint', ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings', '0']);
  await check('build', ['esbuild.mjs', '--tests', 'unit', 'vscode']);
  if (wants('types')) await check('type check', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', '.']);
  if (wants('unit')) await suite('unit tests', [mocha, '--config', 'test/mocha.json', '--parallel', '--jobs', String(unitJobs), 'dist-test/unit/**/*.test.js'], 'unit.json');
  if (wants('host') || wants('browser')) await inVsCode();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  record('set-up', 0, 1);
}
console.log(`\n${lines.join('\n')}`);
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exitCode = tally.failed > 0 ? 1 : 0;

async function inVsCode() {
  const { hostSupported, installHost } = await import('./vscode/install.mjs');
  if (!hostSupported) {
    lines.push(`left out the tests inside VS Code: the offline host is for linux-x64, this is ${process.platform}-${process.arch}; npm run test:electron runs them in a desktop VS Code`);
    return;
  }
  installHost({ browser: true });
  if (wants('host')) await suite('extension host tests', ['tools/vscode/run-host-tests.mjs'], 'host.json');
  if (wants('browser')) await suite('browser tests', [mocha, '--config', 'test/mocha.json', '--timeout', '180000', 'test/browser/**/*.test.mjs'], 'browser.json');
}
