// A whole model from the command line, against numpy's singular values of the same tensors and against the algorithm of
// WeightWatcher: the same values, and a power-law fit that tries every value as the start of the tail.
//   npm run bench -- model [--rounds N] [--json FILE]
// Ours is everything from the start of the process to the written report; theirs leaves out the start of Python and the
// reading of the file. Needs a Python with numpy.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { processorClock, startCommand } from './processes.mjs';

const { values: options } = parseArgs({ args: process.argv.slice(2).filter((name) => name !== 'model'), options: { rounds: { type: 'string' }, json: { type: 'string' } } });
const rounds = Number(options.rounds ?? 3);
/** A transformer of 85 million parameters. */
const blocks = 12;
const width = 768;
const hidden = 3072;
/** Trained layers: noise and some directions that stand out. */
const directions = 20;
const targets = { numpy: 2, WeightWatcher: 5 };

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const peerProgram = `
import json, struct, sys, time
import numpy as np

def fit(eigenvalues):
    # Clauset, Shalizi and Newman for every start of the tail, as WeightWatcher 0.7 does it: O(N^2) powers.
    data = np.sort(eigenvalues)
    logs, count = np.log(data), len(data)
    distances, alphas = np.ones(count - 1), np.zeros(count - 1)
    for i, start in enumerate(data[:-1]):
        n = float(count - i)
        alpha = 1 + n / (np.sum(logs[i:]) - n * logs[i])
        alphas[i] = alpha
        if alpha > 1:
            distances[i] = np.max(np.abs(1 - (data[i:] / start) ** (-alpha + 1) - np.arange(n) / n))
    return alphas[np.argmin(distances)]

path = sys.argv[1]
with open(path, 'rb') as file:
    length = struct.unpack('<Q', file.read(8))[0]
    header = json.loads(file.read(length))
solving = fitting = 0.0
alphas = {}
for name, entry in header.items():
    start, end = entry['data_offsets']
    matrix = np.fromfile(path, '<f4', (end - start) // 4, offset=8 + length + start).reshape(entry['shape']).astype(np.float64)
    t = time.perf_counter()
    values = np.linalg.svd(matrix, compute_uv=False)
    solving += time.perf_counter() - t
    t = time.perf_counter()
    alphas[name] = fit(values ** 2)
    fitting += time.perf_counter() - t
print(json.dumps({'numpy': solving, 'WeightWatcher': solving + fitting, 'alphas': alphas}))
`;

/** Box and Muller's normal numbers from a fixed stream, so that every run has the same model. */
function* normalNumbers(seed) {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  for (;;) {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    const angle = 2 * Math.PI * uniform();
    yield radius * Math.cos(angle);
    yield radius * Math.sin(angle);
  }
}

function writeModel(file) {
  const shapes = Array.from({ length: blocks }, (_, block) =>
    Object.entries({ 'attn.q_proj': [width, width], 'attn.k_proj': [width, width], 'attn.v_proj': [width, width], 'attn.out_proj': [width, width], 'mlp.fc1': [hidden, width], 'mlp.fc2': [width, hidden] }).map(([name, shape]) => [`layers.${block}.${name}.weight`, shape]),
  ).flat();
  let offset = 0;
  const header = {};
  for (const [name, shape] of shapes) header[name] = { dtype: 'F32', shape, data_offsets: [offset, (offset += 4 * shape[0] * shape[1])] };
  const json = Buffer.from(JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const out = openSync(file, 'w');
  writeSync(out, Buffer.concat([length, json]));
  const normal = normalNumbers(1);
  const next = () => normal.next().value;
  for (const [, [rows, columns]] of shapes) {
    const [left, right] = [rows, columns].map((size) => Float32Array.from({ length: size * directions }, next));
    const matrix = new Float32Array(rows * columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0.02 * next();
        for (let k = 0; k < directions; k++) sum += 0.01 * left[i * directions + k] * right[j * directions + k];
        matrix[i * columns + j] = sum;
      }
    }
    writeSync(out, new Uint8Array(matrix.buffer));
  }
  closeSync(out);
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-bench-'));
try {
  const python = ['/usr/bin/python3', 'python3', 'python'].find((name) => spawnSync(name, ['-c', 'import numpy']).status === 0);
  if (python === undefined) throw new Error('This comparison needs a Python with numpy.');
  const file = path.join(folder, 'transformer.safetensors');
  const report = path.join(folder, 'report.json');
  writeModel(file);
  writeFileSync(path.join(folder, 'peer.py'), peerProgram);
  const times = { ours: [], numpy: [], WeightWatcher: [] };
  const clock = processorClock();
  for (let round = 0; round < rounds; round++) {
    const { code, error, milliseconds } = await startCommand('analyze', '--only', 'weights', '--format', 'json', '--out', report, file).ended;
    if (code !== 0) throw new Error(error);
    times.ours.push(milliseconds / 1000);
    const peer = spawnSync(python, [path.join(folder, 'peer.py'), file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    const answer = JSON.parse(peer.stdout);
    for (const name of Object.keys(targets)) times[name].push(answer[name]);
  }
  const foreign = clock();
  const ours = median(times.ours);
  console.log(`ours${' '.repeat(12)}${ours.toFixed(2)} s, least ${Math.min(...times.ours).toFixed(2)}${foreign === null ? '' : `; ${Math.round(100 * foreign)} % foreign`}`);
  for (const [name, target] of Object.entries(targets)) {
    const ratio = median(times[name]) / ours;
    console.log(`${name.padEnd(16)}${median(times[name]).toFixed(2)} s, least ${Math.min(...times[name]).toFixed(2)}: ${ratio.toFixed(2)}× ${ratio >= target ? `ok ≥ ${target}` : `MISSED ${target}`}`);
  }
  if (options.json) writeFileSync(options.json, `${JSON.stringify(times)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
