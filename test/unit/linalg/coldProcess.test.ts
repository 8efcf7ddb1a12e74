import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';

/** Entries that every program makes alike. */
const entry = 'Math.sin(i * i % 1009) + (i % 7)';
/** Large enough for the threads to take part. */
const size = 520;

/** The first matrix of a new process, while its code is not yet optimised: prints the values as JSON. */
const program = `
  import { MatrixWorkspace } from './server/linalg/matrixWorkspace.ts';
  const workspace = await MatrixWorkspace.create(null, Number(process.argv[2]));
  const storage = workspace.allocate(1, ${size}, ${size});
  for (let i = 0; i < storage.length; i++) storage[i] = ${entry};
  console.log(JSON.stringify(Array.from((await workspace.singularValues()).singularValues)));
  process.exit(0);
`;

describe('a new process', function () {
  this.timeout(20_000);
  let folder = '';
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-test-'));
    await esbuild.build({ stdin: { contents: program, resolveDir: process.cwd(), loader: 'ts' }, bundle: true, platform: 'node', target: 'node20', format: 'esm', loader: { '.wasm': 'binary' }, outfile: path.join(folder, 'program.mjs'), logLevel: 'warning', banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" } });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const threads of [1, 2]) {
    it(`gives with its first call and ${threads} ${threads === 1 ? 'thread' : 'threads'} the bits of one that is warm`, async () => {
      const warm = await MatrixWorkspace.create();
      let expected: ArrayLike<number> = [];
      for (let run = 0; run < 5; run++) {
        const storage = warm.allocate(1, size, size);
        for (let i = 0; i < storage.length; i++) storage[i] = Math.sin((i * i) % 1009) + (i % 7);
        expected = (await warm.singularValues()).singularValues;
      }
      const runs = await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, [path.join(folder, 'program.mjs'), String(threads)])));
      for (const { stdout } of runs) assert.deepEqual(JSON.parse(stdout), Array.from(expected));
    });
  }
});
