// Builds the programs into dist/, with the licences of what they contain, and, with --tests, the mocha suites into dist-test/.
//   node esbuild.mjs [--tests unit|vscode|golden ...]
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { writeNotices } from './tools/notices.mjs';

const root = path.dirname(fileURLToPath(import.meta.url));
process.chdir(root);

/** AssemblyScript kernel → server/linalg/build/*.wasm (bundled as bytes), only when a source is newer than the binary. */
function buildKernels() {
  const source = 'server/linalg/kernel';
  if (!existsSync(path.join(source, 'main.ts'))) return;
  mkdirSync('server/linalg/build', { recursive: true });
  const newest = Math.max(...readdirSync(source).map((f) => statSync(path.join(source, f)).mtimeMs), statSync('esbuild.mjs').mtimeMs);
  const common = ['--runtime', 'stub', '--enable', 'simd', '--enable', 'bulk-memory', '-O3', '--noAssert', '--initialMemory', '32', '--maximumMemory', '65536'];
  const relaxed = ['--enable', 'relaxed-simd'];
  // The memory is imported; it starts as zeros, which no instance may write again over what another has put there.
  const shared = ['--enable', 'threads', '--importMemory', '--sharedMemory', '--zeroFilledMemory'];
  for (const [name, extra] of [['kernel', []], ['kernel-relaxed', relaxed], ['kernel-shared', shared], ['kernel-shared-relaxed', [...shared, ...relaxed]]]) {
    const out = `server/linalg/build/${name}.wasm`;
    if (existsSync(out) && statSync(out).mtimeMs > newest) continue;
    const r = spawnSync(process.execPath, ['node_modules/assemblyscript/bin/asc.js', path.join(source, 'main.ts'), ...common, ...extra, '-o', out], { stdio: 'inherit' });
    if (r.status !== 0) throw new Error(`asc failed for ${out}`);
  }
}

const node = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: true,
  logLevel: 'warning',
  loader: { '.wasm': 'binary' },
  external: ['vscode', 'onnxruntime-node', 'mocha'],
};
const programs = [
  // The language client is a bundle of its own: activation would spend most of its time reading it.
  { entry: 'extension/main.ts', out: 'extension', options: { ...node, external: [...node.external, './client.js'] } },
  { entry: 'extension/client.ts', out: 'client', options: node },
  { entry: 'server/main.ts', out: 'server', options: node },
  { entry: 'server/worker.ts', out: 'worker', options: node },
  { entry: 'server/cli.ts', out: 'cli', options: { ...node, banner: { js: '#!/usr/bin/env node' } } },
  { entry: 'webview/main.ts', out: 'webview', options: { bundle: true, platform: 'browser', target: 'es2022', format: 'iife', minify: true, sourcemap: false, logLevel: 'warning', loader: { '.css': 'text' } } },
];

/** Test files of one suite, each bundled by itself: mocha loads them from dist-test/. */
function testEntries(suite) {
  const found = [];
  const walk = (dir) => {
    for (const e of readdirSync(dir, { withFileTypes: true })) {
      const at = path.join(dir, e.name);
      if (e.isDirectory()) walk(at);
      else if (e.name.endsWith('.test.ts') || (suite === 'vscode' && at === path.join('test', 'vscode', 'index.ts'))) found.push(at);
    }
  };
  if (existsSync(path.join('test', suite))) walk(path.join('test', suite));
  return found;
}

const args = process.argv.slice(2);
const suites = args.includes('--tests') ? args.slice(args.indexOf('--tests') + 1).filter((a) => !a.startsWith('--')) : [];
buildKernels();
const metafiles = [];
for (const p of programs) {
  if (!existsSync(p.entry)) continue;
  const { metafile } = await esbuild.build({ ...p.options, entryPoints: [p.entry], outfile: `dist/${p.out}.js`, metafile: true });
  metafiles.push(metafile);
}
writeNotices(metafiles, 'dist/ThirdPartyNotices.txt');
for (const suite of suites) {
  const out = path.join('dist-test', suite);
  rmSync(out, { recursive: true, force: true });
  const entryPoints = testEntries(suite);
  if (entryPoints.length === 0) continue;
  await esbuild.build({ ...node, external: [...node.external, 'esbuild', 'ajv', 'ajv/*', 'fast-check', 'ts-json-schema-generator', 'vega', 'vega-lite', 'playwright-core'], entryPoints, outdir: out, outbase: path.join('test', suite) });
}
