// All singular values, ours against numpy's (LAPACK gesdd), on the same matrices, taken in turns in one run.
//   node test/bench/singularValues.mjs [shape ...]      e.g. 256x256 4096x1024
// Prints the median and the least time of each and the ratio of the medians; above 1 we are faster. numpy uses the
// threads that its BLAS chooses (OPENBLAS_NUM_THREADS sets them), ours one. A busy machine shows in the spread.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-bench-'));
const shapes = process.argv.slice(2).length > 0 ? process.argv.slice(2) : ['64x64', '256x256', '512x512', '1024x1024', '2048x2048', '1024x256', '4096x1024'];

const worker = `
import sys, time, numpy
for line in sys.stdin:
    path, rows, columns = line.split()
    a = numpy.fromfile(path).reshape(int(rows), int(columns))
    start = time.perf_counter()
    s = numpy.linalg.svd(a, compute_uv=False)
    elapsed = 1000 * (time.perf_counter() - start)
    s.tofile(path + '.values')
    print(elapsed, flush=True)
`;

/** A Python with numpy, kept running; null where there is none. */
function startNumpy() {
  for (const python of ['/usr/bin/python3', 'python3', 'python']) {
    const version = spawnSync(python, ['-c', 'import numpy; print(numpy.__version__)'], { encoding: 'utf8' });
    if (version.status !== 0) continue;
    const child = spawn(python, ['-c', worker], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      version: version.stdout.trim(),
      async solve(file, rows, columns) {
        child.stdin.write(`${file} ${rows} ${columns}\n`);
        return Number((await answers.next()).value);
      },
      stop: () => child.stdin.end(),
    };
  }
  return null;
}

const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];
const show = (ms) => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0)).padStart(8);

try {
  await esbuild.build({ entryPoints: [path.join(root, 'server/linalg/matrixWorkspace.ts'), path.join(root, 'server/linalg/random.ts')], bundle: true, platform: 'node', target: 'node20', format: 'cjs', loader: { '.wasm': 'binary' }, outdir: folder, logLevel: 'warning' });
  const load = createRequire(import.meta.url);
  const { MatrixWorkspace } = load(path.join(folder, 'matrixWorkspace.js'));
  const { RandomGenerator } = load(path.join(folder, 'random.js'));
  const workspace = await MatrixWorkspace.create();
  const numpy = startNumpy();
  console.log(`singular values in ms: Sigmascope (${workspace.engine}, Node ${process.versions.node}, 1 thread) against ${numpy ? `numpy ${numpy.version}` : 'nothing: no Python with numpy was found'}; ${os.cpus().length} processors, load ${os.loadavg()[0].toFixed(1)}`);
  console.log('shape           ours med    least  numpy med   least    ratio   difference/σ₁');
  for (const shape of shapes) {
    const [rows, columns] = shape.split('x').map(Number);
    const random = new RandomGenerator(rows + columns);
    const matrix = Float64Array.from({ length: rows * columns }, () => random.normal());
    const file = path.join(folder, `${shape}.f64`);
    writeFileSync(file, Buffer.from(matrix.buffer));
    const work = rows * columns * Math.min(rows, columns);
    const rounds = Math.max(3, Math.min(25, Math.round(6e9 / work)));
    const ours = [];
    const theirs = [];
    let values;
    for (let round = 0; round < rounds; round++) {
      workspace.allocate(1, rows, columns).set(matrix);
      const start = performance.now();
      ({ singularValues: values } = await workspace.singularValues());
      ours.push(performance.now() - start);
      if (numpy) theirs.push(await numpy.solve(file, rows, columns));
    }
    let line = `${shape.padEnd(14)}${show(median(ours))} ${show(Math.min(...ours))}`;
    if (numpy) {
      const bytes = readFileSync(`${file}.values`);
      const reference = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
      const difference = Math.max(...reference.map((x, i) => Math.abs(x - values[i]))) / reference[0];
      line += `   ${show(median(theirs))} ${show(Math.min(...theirs))}  ${(median(theirs) / median(ours)).toFixed(2).padStart(6)}×  ${difference.toExponential(1)}`;
    }
    console.log(line);
  }
  numpy?.stop();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
