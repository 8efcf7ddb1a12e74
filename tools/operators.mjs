// Writes docs/operators.md from the rules of server/derivatives.
//   node tools/operators.mjs
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-operators-'));
try {
  const bundle = path.join(folder, 'coverage.cjs');
  await esbuild.build({ entryPoints: [path.join(root, 'server/derivatives/coverage.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', external: ['onnxruntime-node'], outfile: bundle, logLevel: 'warning' });
  writeFileSync(path.join(root, 'docs/operators.md'), createRequire(import.meta.url)(bundle).coveragePage());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
