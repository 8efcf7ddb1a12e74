// One process of a batch: solves the matrix of a file `count` times, with one thread, as a worker of the extension does.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const folder = process.argv[2];
const load = createRequire(path.join(folder, 'worker.js'));
const { MatrixWorkspace } = load('./linalg/matrixWorkspace.js');
const { createOnnxProducts } = load('./runtime/onnxProducts.js');
const workspace = await MatrixWorkspace.create(process.arch === 'x64' ? () => createOnnxProducts(1) : null);

process.on('message', async ({ file, rows, columns, count }) => {
  const bytes = readFileSync(file);
  const matrix = new Float64Array(bytes.buffer, bytes.byteOffset, rows * columns);
  for (let i = 0; i < count; i++) {
    workspace.allocate(1, rows, columns).set(matrix);
    await workspace.singularValues();
  }
  process.send('done');
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
