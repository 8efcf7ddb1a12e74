// Singular values and eigenvalues, ours against numpy, scipy and torch (where a Python has them; else ml-matrix), on the
// same matrices, taken in turns in one run.
//   npm run bench -- linalg [one] [batch] [tall] [symmetric] [--sizes 256,512] [--rounds N] [--markdown FILE] [--json FILE]
// A ratio above 1 means that we are faster. Every program may use all processors. A busy machine shows in the share of
// processor time that went to other programs, and in the distance of the least time from the median.
import { fork, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';
import { markdownTable, ratioChart } from './linearAlgebraTable.mjs';
import { processorClock } from './processes.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const { values: options, positionals } = parseArgs({ args: process.argv.slice(2).filter((name) => name !== 'linalg'), allowPositionals: true, options: { sizes: { type: 'string' }, rounds: { type: 'string' }, markdown: { type: 'string' }, json: { type: 'string' } } });
const threads = os.availableParallelism();
const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-bench-'));
/** More operations than this are timed twice only. */
const manyOperations = 3e10;
/** Matrices of a batch; both our processes get the same number. */
const batchCount = 8;
const batchCount4096 = 2;

const groups = {
  one: { title: 'One matrix, all singular values', short: 'one matrix', sizes: [[64, 64], [256, 256], [512, 512], [1024, 1024], [2048, 2048], [4096, 4096]], targets: { 256: 1.1, 512: 1.1, 1024: 1.1, 2048: 1.5, 4096: 2.8 } },
  batch: { title: `A batch, one matrix per process in ${threads} processes, time per matrix`, short: 'a batch, per matrix', sizes: [[256, 256], [512, 512], [1024, 1024], [2048, 2048], [4096, 4096]], targets: { 256: 2, 512: 2, 1024: 1.75, 2048: 2.5, 4096: 3.2 } },
  tall: { title: 'One tall matrix: well conditioned, by its Gram matrix; κ = 10⁶, to full accuracy', short: 'tall', sizes: [[4096, 1024], [1024, 4096], [3072, 768]], targets: { 4096: 1.8 } },
  symmetric: { title: 'All eigenvalues of a symmetric matrix', short: 'symmetric eigenvalues', sizes: [[256, 256], [512, 512], [1024, 1024], [2048, 2048], [4096, 4096]], targets: { 1024: 1, 2048: 1, 4096: 1 } },
};

const peerProgram = `
import sys, time, importlib
import numpy
libraries = {'numpy': lambda a, s: numpy.linalg.eigvalsh(a) if s else numpy.linalg.svd(a, compute_uv=False)}
try:
    import scipy.linalg
    libraries['scipy'] = lambda a, s: scipy.linalg.eigvalsh(a) if s else scipy.linalg.svdvals(a)
except ImportError: pass
try:
    import torch
    libraries['torch'] = lambda a, s: (torch.linalg.eigvalsh(torch.from_numpy(a)) if s else torch.linalg.svdvals(torch.from_numpy(a))).numpy()
except ImportError: pass
print(' '.join(f'{name}={importlib.import_module(name).__version__}' for name in libraries), flush=True)
for line in sys.stdin:
    name, path, rows, columns, symmetric = line.split()
    a = numpy.fromfile(path).reshape(int(rows), int(columns))
    start = time.perf_counter()
    values = libraries[name](a, symmetric == '1')
    elapsed = 1000 * (time.perf_counter() - start)
    numpy.sort(numpy.asarray(values)).tofile(path + '.values')
    print(elapsed, flush=True)
`;

/** A Python with numpy, kept running; null where there is none. */
async function startPython() {
  for (const python of ['/usr/bin/python3', 'python3', 'python']) {
    if (spawnSync(python, ['-c', 'import numpy']).status !== 0) continue;
    const child = spawn(python, ['-c', peerProgram], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const versions = Object.fromEntries((await answers.next()).value.split(' ').map((entry) => entry.split('=')));
    return {
      versions,
      async solve(name, file, rows, columns, symmetric) {
        child.stdin.write(`${name} ${file} ${rows} ${columns} ${symmetric ? 1 : 0}\n`);
        return Number((await answers.next()).value);
      },
      stop: () => child.stdin.end(),
    };
  }
  return null;
}

/** The library of last resort, for machines without Python. */
async function startMlMatrix() {
  const { default: ml } = await import('ml-matrix');
  return {
    versions: { 'ml-matrix': createRequire(import.meta.url)('ml-matrix/package.json').version },
    async solve(_name, file, rows, columns, symmetric) {
      const bytes = readFileSync(file);
      const matrix = ml.Matrix.from1DArray(rows, columns, new Float64Array(bytes.buffer, bytes.byteOffset, rows * columns));
      const start = performance.now();
      const values = symmetric ? new ml.EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues : new ml.SingularValueDecomposition(matrix, { computeLeftSingularVectors: false, computeRightSingularVectors: false }).diagonal;
      const elapsed = performance.now() - start;
      writeFileSync(`${file}.values`, Buffer.from(Float64Array.from(values).sort().buffer));
      return elapsed;
    },
    stop: () => undefined,
  };
}

/** Our library as the extension's worker uses it, bundled for this run. */
async function ourLibrary() {
  const sources = ['linalg/matrixWorkspace', 'linalg/dense/symmetricEigenvalues', 'linalg/random', 'runtime/onnxProducts'];
  await esbuild.build({ entryPoints: sources.map((name) => path.join(root, 'server', `${name}.ts`)), bundle: true, platform: 'node', target: 'node20', format: 'cjs', loader: { '.wasm': 'binary' }, external: ['onnxruntime-node'], outdir: folder, outbase: path.join(root, 'server'), logLevel: 'warning' });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  const load = createRequire(import.meta.url);
  return Object.assign({}, ...sources.map((name) => load(path.join(folder, `${name}.js`))));
}

/** Processes that solve one matrix each at a time, as the extension's workers do. */
async function startWorkers() {
  const workers = Array.from({ length: threads }, () => fork(path.join(here, 'batchWorker.mjs'), [folder], { stdio: 'inherit' }));
  const answer = (worker) => new Promise((resolve) => worker.once('message', resolve));
  await Promise.all(workers.map(answer));
  return {
    async solve(file, rows, columns, count) {
      const start = performance.now();
      await Promise.all(workers.map((worker) => (worker.send({ file, rows, columns, count }), answer(worker))));
      return (performance.now() - start) / (count * threads);
    },
    stop: () => workers.forEach((worker) => worker.disconnect()),
  };
}

/** Threads of a BLAS go on waiting by spinning after their call, which would take a processor from whoever comes next. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 250));

const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];

function normalMatrix(library, rows, columns) {
  const random = new library.RandomGenerator(rows + columns);
  return Float64Array.from({ length: rows * columns }, () => random.normal());
}

/** The same with columns that shrink to a millionth, so that no Gram matrix will do. */
function gradedMatrix(library, rows, columns) {
  const longer = columns > rows;
  return normalMatrix(library, rows, columns).map((x, k) => x * 10 ** ((-6 * (longer ? Math.floor(k / columns) : k % columns)) / Math.min(rows, columns)));
}

function symmetricMatrix(library, size) {
  const half = normalMatrix(library, size, size);
  return half.map((x, k) => x + half[(k % size) * size + Math.floor(k / size)]);
}

const results = [];
try {
  const library = await ourLibrary();
  const python = (await startPython()) ?? (await startMlMatrix());
  const peers = Object.keys(python.versions);
  const products = process.arch === 'x64' ? await library.createOnnxProducts(threads) : null;
  const workspace = await library.MatrixWorkspace.create(products && (() => Promise.resolve(products)));
  const machine = `${os.cpus()[0].model}, ${threads} processors, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.arch()}, Node ${process.versions.node}; ${peers.map((name) => `${name} ${python.versions[name]}`).join(', ')}`;
  console.log(machine);

  const ours = {
    one: async (matrix, rows, columns) => {
      workspace.allocate(1, rows, columns).set(matrix);
      const start = performance.now();
      const { singularValues, engine, method } = await workspace.singularValues();
      return { milliseconds: performance.now() - start, values: singularValues, engine: `${engine}; ${method}` };
    },
    symmetric: async (matrix, size) => {
      const start = performance.now();
      const { eigenvalues } = await library.symmetricEigenvalues(matrix, size, {}, products);
      return { milliseconds: performance.now() - start, values: eigenvalues, engine: workspace.engine };
    },
  };

  const measure = async (group, rows, columns, matrix, label, target) => {
    const symmetric = group === 'symmetric';
    const file = path.join(folder, 'matrix.f64');
    writeFileSync(file, Buffer.from(matrix.buffer));
    const operations = rows * columns * Math.min(rows, columns);
    const rounds = Number(options.rounds ?? Math.max(operations > manyOperations ? 2 : 3, Math.min(25, Math.round(4e9 / operations))));
    const count = operations > manyOperations ? batchCount4096 : batchCount;
    const workers = group === 'batch' ? await startWorkers() : null;
    const times = Object.fromEntries(['ours', ...peers].map((name) => [name, []]));
    const clock = processorClock();
    let solved;
    for (let round = 0; round < rounds; round++) {
      await settled();
      solved = await ours[symmetric ? 'symmetric' : 'one'](matrix, rows, columns);
      times.ours.push(workers ? await workers.solve(file, rows, columns, count) : solved.milliseconds);
      // Every peer once, numpy each time: the others use the same LAPACK.
      for (const name of round === 0 ? peers : peers.slice(0, 1)) {
        await settled();
        times[name].push(await python.solve(name, file, rows, columns, symmetric));
      }
    }
    workers?.stop();
    const bytes = readFileSync(`${file}.values`);
    const reference = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const values = Float64Array.from(solved.values).sort();
    const largest = Math.max(...reference.map(Math.abs));
    const result = {
      group, label, target: target ?? null, engine: solved.engine,
      ours: { median: median(times.ours), least: Math.min(...times.ours) },
      peers: Object.fromEntries(peers.map((name) => [name, { median: median(times[name]), least: Math.min(...times[name]) }])),
      difference: values.reduce((most, value, i) => Math.max(most, Math.abs(value - reference[i])), 0) / largest,
      foreign: clock(),
    };
    const [first] = peers;
    result.ratio = result.peers[first].median / result.ours.median;
    results.push(result);
    const show = (ms) => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0)).padStart(8);
    const verdict = target === undefined ? '' : result.ratio >= target ? `ok ≥ ${target}` : `MISSED ${target}`;
    console.log(`${group.padEnd(10)}${label.padEnd(22)}${show(result.ours.median)}${show(result.ours.least)}  ${peers.map((name) => `${name}${show(result.peers[name].median)}${show(result.peers[name].least)}`).join('  ')}  ${result.ratio.toFixed(2)}× ${verdict.padEnd(12)} ${result.difference.toExponential(1)} ${result.foreign === null ? '' : `${Math.round(100 * result.foreign)} % foreign`}  ${solved.engine}`);
  };

  console.log('milliseconds, median and least; ratio of the medians to the first peer; difference relative to the largest value');
  for (const [group, { sizes, targets }] of Object.entries(groups)) {
    if (positionals.length > 0 && !positionals.includes(group)) continue;
    for (const [rows, columns] of sizes) {
      if (options.sizes && !options.sizes.split(',').includes(String(rows))) continue;
      const matrix = group === 'symmetric' ? symmetricMatrix(library, rows) : normalMatrix(library, rows, columns);
      await measure(group, rows, columns, matrix, `${rows} × ${columns}`, targets[rows]);
      if (group === 'tall') await measure(group, rows, columns, gradedMatrix(library, rows, columns), `${rows} × ${columns}, κ 10⁶`, rows === 4096 ? 1 : undefined);
    }
  }
  python.stop();
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  if (options.markdown) {
    const chart = `${path.basename(options.markdown, '.md')}.svg`;
    mkdirSync(path.dirname(options.markdown), { recursive: true });
    writeFileSync(options.markdown, markdownTable(machine, new Date().toISOString().slice(0, 10), groups, results, peers, chart));
    writeFileSync(path.join(path.dirname(options.markdown), chart), await ratioChart(groups, results, peers[0]));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
