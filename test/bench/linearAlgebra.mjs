// Singular values and eigenvalues, ours against numpy, scipy and torch (where a Python has them; else ml-matrix), on the
// same matrices, taken in turns in one run.
//   npm run bench -- linalg [one] [batch] [tall] [symmetric] [--sizes 256,512] [--rounds N] [--markdown FILE] [--json FILE]
// A ratio above 1 means that we are faster. Every program may use all processors. In its turn each solves small matrices
// several times over: after the pause before it, the first run also measures how fast the machine wakes up. A busy
// machine shows in the share of processor time that went to other programs, and in the distance of the least time from the
// median.
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
/** A turn takes about as long as this many operations, but at most so many runs. */
const operationsPerTurn = 3e9;
const mostRunsPerTurn = 20;
/** Matrices that each process of a batch gets: at least some, as many as a model has of that size. */
const leastBatch = 2;
const mostBatch = 64;
const operationsPerBatch = 1e10;

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
    name, path, rows, columns, symmetric, runs = line.split()
    a = numpy.fromfile(path).reshape(int(rows), int(columns))
    times = []
    for _ in range(int(runs)):
        start = time.perf_counter()
        values = libraries[name](a, symmetric == '1')
        times.append(1000 * (time.perf_counter() - start))
    numpy.sort(numpy.asarray(values)).tofile(path + '.values')
    print(*times, flush=True)
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
      async solve(name, file, rows, columns, symmetric, runs) {
        child.stdin.write(`${name} ${file} ${rows} ${columns} ${symmetric ? 1 : 0} ${runs}\n`);
        return (await answers.next()).value.split(' ').map(Number);
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
    async solve(_name, file, rows, columns, symmetric, runs) {
      const bytes = readFileSync(file);
      const matrix = ml.Matrix.from1DArray(rows, columns, new Float64Array(bytes.buffer, bytes.byteOffset, rows * columns));
      const times = [];
      let values = [];
      for (let run = 0; run < runs; run++) {
        const start = performance.now();
        values = symmetric ? new ml.EigenvalueDecomposition(matrix, { assumeSymmetric: true }).realEigenvalues : new ml.SingularValueDecomposition(matrix, { computeLeftSingularVectors: false, computeRightSingularVectors: false }).diagonal;
        times.push(performance.now() - start);
      }
      writeFileSync(`${file}.values`, Buffer.from(Float64Array.from(values).sort().buffer));
      return times;
    },
    stop: () => undefined,
  };
}

/** Our library as the extension's worker uses it, bundled for this run. */
async function ourLibrary() {
  const sources = ['linalg/matrixWorkspace', 'linalg/random', 'runtime/onnxProducts'];
  await esbuild.build({ entryPoints: sources.map((name) => path.join(root, 'server', `${name}.ts`)), bundle: true, platform: 'node', target: 'node20', format: 'cjs', loader: { '.wasm': 'binary' }, external: ['onnxruntime-node'], outdir: folder, outbase: path.join(root, 'server'), logLevel: 'warning' });
  symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  const load = createRequire(import.meta.url);
  return Object.assign({}, ...sources.map((name) => load(path.join(folder, `${name}.js`))));
}

/** Processes of ours, each with the given number of threads, that solve the same matrix side by side. */
async function startSolvers(processes, threadsOfEach) {
  const solvers = Array.from({ length: processes }, () => fork(path.join(here, 'solver.mjs'), [folder, String(threadsOfEach)], { stdio: 'inherit' }));
  const answer = (solver) => new Promise((resolve) => solver.once('message', resolve));
  await Promise.all(solvers.map(answer));
  return {
    /** Times of the single runs, and of all of them together per matrix. */
    async solve(file, rows, columns, symmetric, runs) {
      const start = performance.now();
      const answers = await Promise.all(solvers.map((solver) => (solver.send({ file, rows, columns, symmetric, runs }), answer(solver))));
      return { times: answers[0].times, perMatrix: (performance.now() - start) / (runs * processes), engine: answers[0].engine };
    },
    stop: () => solvers.forEach((solver) => solver.disconnect()),
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
  const machine = `${os.cpus()[0].model}, ${threads} processors, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.arch()}, Node ${process.versions.node}; ${peers.map((name) => `${name} ${python.versions[name]}`).join(', ')}`;
  console.log(machine);

  const measure = async (group, rows, columns, matrix, label, target) => {
    const symmetric = group === 'symmetric';
    const file = path.join(folder, 'matrix.f64');
    writeFileSync(file, Buffer.from(matrix.buffer));
    const operations = rows * columns * Math.min(rows, columns);
    const rounds = Number(options.rounds ?? (operations > manyOperations ? 2 : 5));
    const count = Math.max(leastBatch, Math.min(mostBatch, Math.round(operationsPerBatch / operations)));
    const runs = Math.max(1, Math.min(mostRunsPerTurn, Math.round(operationsPerTurn / operations)));
    const batch = group === 'batch';
    const solvers = batch ? await startSolvers(threads, 1) : await startSolvers(1, threads);
    const times = Object.fromEntries(['ours', ...peers].map((name) => [name, []]));
    const clock = processorClock();
    // A process that has just started compiles while it computes.
    await solvers.solve(file, rows, columns, symmetric, batch ? leastBatch : 1);
    let engine = '';
    for (let round = 0; round < rounds; round++) {
      await settled();
      const solved = await solvers.solve(file, rows, columns, symmetric, batch ? count : runs);
      times.ours.push(...(batch ? [solved.perMatrix] : solved.times));
      engine = solved.engine;
      // Every peer once, numpy each time: the others use the same LAPACK.
      for (const name of round === 0 ? peers : peers.slice(0, 1)) {
        await settled();
        times[name].push(...(await python.solve(name, file, rows, columns, symmetric, runs)));
      }
    }
    solvers.stop();
    const [reference, values] = ['values', 'ours'].map((name) => {
      const bytes = readFileSync(`${file}.${name}`);
      return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    });
    const largest = reference.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const result = {
      group, label, target: target ?? null, engine,
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
    console.log(`${group.padEnd(10)}${label.padEnd(22)}${show(result.ours.median)}${show(result.ours.least)}  ${peers.map((name) => `${name}${show(result.peers[name].median)}${show(result.peers[name].least)}`).join('  ')}  ${result.ratio.toFixed(2)}× ${verdict.padEnd(12)} ${result.difference.toExponential(1)} ${result.foreign === null ? '' : `${Math.round(100 * result.foreign)} % foreign`}  ${engine}`);
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
