// One process that solves matrices as a worker of the extension does: the matrix of a file, `runs` times over.
//   solver.mjs FOLDER THREADS, where FOLDER holds our library, bundled
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = process.argv[2];
const threads = Number(process.argv[3]);
const load = createRequire(path.join(folder, 'solver.js'));
const { MatrixWorkspace } = load('./linalg/matrixWorkspace.js');
const { createOnnxProducts } = load('./runtime/onnxProducts.js');
const workspace = await MatrixWorkspace.create(process.arch === 'x64' ? () => createOnnxProducts(threads) : null, threads);

async function solve(matrix, rows, columns, symmetric) {
  (symmetric ? workspace.allocateSymmetric(rows) : workspace.allocate(1, rows, columns)).set(matrix);
  const start = performance.now();
  const result = symmetric ? await workspace.symmetricEigenvalues() : await workspace.singularValues();
  const milliseconds = performance.now() - start;
  return { milliseconds, values: symmetric ? result.eigenvalues : result.singularValues, engine: symmetric ? workspace.engine : `${workspace.engine}; ${result.method}` };
}

process.on('message', async ({ file, rows, columns, symmetric, runs }) => {
  const bytes = readFileSync(file);
  const matrix = new Float64Array(bytes.buffer, bytes.byteOffset, rows * columns);
  const times = [];
  let solved;
  for (let run = 0; run < runs; run++) {
    solved = await solve(matrix, rows, columns, symmetric);
    times.push(solved.milliseconds);
  }
  writeFileSync(`${file}.ours`, Float64Array.from(solved.values).sort());
  process.send({ times, engine: solved.engine });
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
