// Interactive targets, measured on the programs in dist/ (npm run build makes them).
//   npm run bench -- [reports] [layers] [memory] [wrong] [cached] [cancel] [--json FILE]
//   npm run bench -- derivatives …       Jacobians of networks against PyTorch: see derivatives.mjs
//   npm run bench -- linalg …            singular values against numpy, scipy and torch: see linearAlgebra.mjs
//   npm run bench -- accuracy            singular values of 4096 × 4096 matrices against exact ones: see accuracy.mjs
//   npm run bench -- model …             a transformer against numpy and WeightWatcher's algorithm: see wholeModel.mjs
// Without names everything runs, in about two minutes. A busy machine shows in the distance of median and least.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeLargeOnnx } from './largeOnnx.mjs';
import { childrenSeconds, root, startCommand, startServer, watchMemory } from './processes.mjs';

/** Sizes of the networks whose report must be there within a second. */
const smallestReportBytes = 26_000;
const largestReportBytes = 1_500_000;
const reportRuns = 5;
/** Six float32 tensors of 67 MB. */
const largeSide = 4096;
const largeLayers = 6;
/** The peak is reached once every worker process has its largest layer; the rest only takes time. */
const memorySeconds = 30;
const repeats = 7;
/** Exit code of the command line when its time is over. */
const timedOut = 124;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const rows = [];

/** One line of the table: values in `unit`, held against `target` by their median. */
function row(name, values, unit, target, note = '') {
  const result = { name, median: median(values), least: Math.min(...values), unit, target, ok: median(values) <= target, note };
  rows.push(result);
  const number = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0)).padStart(8);
  console.log(`${result.ok ? 'ok    ' : 'MISSED'} ${name.padEnd(62)}${number(result.median)}${number(result.least)}${number(target)} ${unit.padEnd(3)} ${note}`);
}

/** Small networks: the samples, and the reference networks where they lie beside the repository. */
function smallModels() {
  const folders = ['samples/models', '../shared/data/onnx_mnist', '../shared/data/onnx_cifar'].map((folder) => path.join(root, folder)).filter((folder) => existsSync(folder));
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)));
  return files.filter((file) => /\.(onnx|safetensors)$/.test(file) && statSync(file).size >= smallestReportBytes && statSync(file).size <= largestReportBytes);
}

const smallModel = path.join(root, 'samples/models/plain.onnx');

const benchmarks = {
  async reports() {
    for (const file of smallModels()) {
      const seconds = [];
      const before = childrenSeconds();
      for (let run = 0; run < reportRuns; run++) {
        const { code, error, milliseconds } = await startCommand('analyze', '--only', 'weights', '--format', 'json', '--no-timings', file).ended;
        if (code !== 0) throw new Error(error);
        seconds.push(milliseconds / 1000);
      }
      const processor = before === null ? '' : `${((childrenSeconds() - before) / reportRuns).toFixed(2)} s of processor`;
      row(`report of ${path.basename(file)}, ${Math.round(statSync(file).size / 1000)} kB`, seconds, 's', 1, processor);
    }
  },

  async layers() {
    const file = large().file;
    const cold = [];
    const warm = [];
    for (let run = 0; run < repeats; run++) {
      const start = performance.now();
      const server = await startServer();
      await server.time('openModel', { path: file });
      cold.push(performance.now() - start);
      await server.time('closeDocument', { document: file });
      warm.push(await server.time('openModel', { path: file }));
      await server.stop();
    }
    const size = `${Math.round(statSync(file).size / 1e6)} MB`;
    row(`layer list of an ONNX file of ${size}, server start included`, cold, 'ms', 1000);
    row(`layer list of an ONNX file of ${size}, from a running server`, warm, 'ms', 1000);
  },

  async memory() {
    const { file, doubleBytes } = large();
    const limit = 300 + (2 * doubleBytes) / 1e6;
    const { child, ended } = startCommand('analyze', file, '--timeout', String(memorySeconds));
    const memory = watchMemory(child.pid);
    const { code, error } = await ended;
    const peak = memory.stop();
    if (code !== 0 && code !== timedOut) throw new Error(error);
    if (peak === null) console.log('       memory of all processes: not measured here, as there is no /proc');
    else row(`memory of all processes, tensors of ${largeSide} × ${largeSide}`, [peak.own / 1e6], 'MB', limit, `${(peak.resident / 1e6).toFixed(0)} with shared pages counted in each process; limit: 300 + twice the largest in float64`);
  },

  async wrong() {
    const file = path.join(folder, 'wrong.onnx');
    const server = await startServer();
    for (const [what, bytes] of [['an empty file', ''], ['text', 'no model at all\n'.repeat(5000)], ['a model cut in half', cutInHalf()]]) {
      writeFileSync(file, bytes);
      const program = [];
      const request = [];
      for (let run = 0; run < repeats; run++) {
        program.push((await startCommand('analyze', file).ended).milliseconds);
        request.push(await server.time('openModel', { path: file }));
      }
      row(`refusal of ${what}, process start included`, program, 'ms', 200);
      row(`refusal of ${what}, from a running server`, request, 'ms', 200);
    }
    await server.stop();
  },

  async cached() {
    const settings = { cacheFolder: path.join(folder, 'cache'), cacheMegabytes: 64 };
    const first = await startServer(settings);
    await first.time('analyze', { path: smallModel, settings: {} });
    await first.stop();
    const times = [];
    for (let run = 0; run < repeats; run++) {
      const server = await startServer(settings);
      times.push(await server.time('analyze', { path: smallModel, settings: {} }));
      await server.stop();
    }
    row('second analysis of an unchanged file, in a new server', times, 'ms', 50);
  },

  async cancel() {
    const { file } = large();
    const answers = [];
    const ends = [];
    const server = await startServer({ threads: 2, memoryLimitMegabytes: 2048 });
    for (let run = 0; run < repeats; run++) {
      answers.push(await server.time('analyze', { path: file, settings: {} }, 500));
      if (process.platform === 'win32') continue;
      const { child, ended } = startCommand('analyze', file);
      await new Promise((resolve) => setTimeout(resolve, 700));
      const start = performance.now();
      child.kill('SIGINT');
      await ended;
      ends.push(performance.now() - start);
    }
    await server.stop();
    row('cancel of an analysis, until the server answers', answers, 'ms', 100);
    if (ends.length > 0) row('Ctrl+C, until the program and its workers have ended', ends, 'ms', 100);
  },

};

const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-bench-'));
let largeModel = null;

/** Written once, when first asked for. */
function large() {
  const file = path.join(folder, 'large.onnx');
  largeModel ??= { file, doubleBytes: writeLargeOnnx(file, largeLayers, largeSide, largeSide) };
  return largeModel;
}

function cutInHalf() {
  const bytes = readFileSync(smallModel);
  return bytes.subarray(0, bytes.length >> 1);
}

const args = process.argv.slice(2);
const programs = { derivatives: './derivatives.mjs', linalg: './linearAlgebra.mjs', accuracy: './accuracy.mjs', model: './wholeModel.mjs' };
if (Object.hasOwn(programs, args[0] ?? '')) {
  await import(programs[args[0]]);
  process.exit();
}
const jsonAt = args.indexOf('--json');
const jsonFile = jsonAt < 0 ? null : args.splice(jsonAt, 2)[1];
const unknown = args.find((name) => !Object.hasOwn(benchmarks, name));
if (unknown !== undefined || jsonFile === undefined) {
  console.error(`${unknown === undefined ? '--json needs a file' : `There is no benchmark "${unknown}"`}: npm run bench -- [${Object.keys(benchmarks).join('] [')}] [--json FILE]`);
  process.exit(2);
}
if (!existsSync(path.join(root, 'dist/cli.js'))) {
  console.error('dist/ is missing: npm run build makes it.');
  process.exit(2);
}
try {
  console.log(`Node ${process.versions.node}, ${os.cpus().length} processors (${os.cpus()[0]?.model ?? 'unknown'}), load ${os.loadavg()[0].toFixed(1)}\n`);
  console.log(`${''.padEnd(69)}  median   least  target`);
  for (const [name, benchmark] of Object.entries(benchmarks)) if (args.length === 0 || args.includes(name)) await benchmark();
  const missed = rows.filter(({ ok }) => !ok).length;
  if (rows.length > 0) console.log(`\n${rows.length - missed} of ${rows.length} targets met`);
  if (jsonFile !== null) writeFileSync(jsonFile, `${JSON.stringify({ node: process.versions.node, processors: os.cpus().length, rows }, null, 2)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
