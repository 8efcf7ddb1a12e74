// Derivatives of a folder of ONNX backend tests, a line for each and the totals:
//   npm run conformance -- FOLDER [part of a test's name] [--second]      --second: derivatives of the gradients
// The public tests are part of the onnx package (onnx/backend/test/data); see test/conformance/conformance.ts.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const order = process.argv.includes('--second') ? 2 : 1;
const [folder, filter = ''] = process.argv.slice(2).filter((argument) => argument !== '--second');
if (folder === undefined) {
  console.error('npm run conformance -- FOLDER [part of a test\'s name]: the folder of ONNX backend tests is missing.');
  process.exit(2);
}
const temporary = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-conformance-'));
try {
  const program = path.join(temporary, 'conformance.cjs');
  await esbuild.build({ entryPoints: [path.join(root, 'test/conformance/conformance.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', loader: { '.wasm': 'binary' }, external: ['onnxruntime-node'], outfile: program, logLevel: 'warning' });
  symlinkSync(path.join(root, 'node_modules'), path.join(temporary, 'node_modules'), 'dir');
  const { run } = createRequire(import.meta.url)(program);
  process.exitCode = (await run(path.resolve(folder), filter, order)) ? 0 : 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
