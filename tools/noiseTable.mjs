// Simulates the table behind the noise test: quantiles of M·ks for pure Gaussian noise.
//   node tools/noiseTable.mjs [--seed 1] [--effort 2] [--ratio INDEX]   writes server/analyses/weights/noiseTable.json
// About half an hour on one core at effort 2. With --ratio only that row is made, into noiseTable.<INDEX>.json beside it
// (several can run side by side); once all rows are there, --join makes the table of them.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, 'server', 'analyses', 'weights');

/** M/N, denser near 1 where the lower edge meets zero; descending, so that √(1 − q) ascends. */
const ratios = [1, 0.995, 0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1, 0.05, 0.02, 0.005, 0.001];
const sides = [2, 3, 4, 5, 6, 8, 10, 13, 16, 24, 32, 64, 128, 256, 512, 1024];
/** Survival probabilities of the tabulated quantiles. */
const probabilities = [0.999, 0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001];
const scale = 1000;

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seed = option('seed', 1);
const effort = option('effort', 2);

/** A draw costs about M²; small sides get more draws for the same work. */
const drawsFor = (side) => Math.round(effort * Math.max(500, Math.min(40000, 4e8 / side ** 2)));

async function simulator() {
  const out = mkdtempSync(path.join(os.tmpdir(), 'noise-table-'));
  const file = path.join(out, 'simulation.mjs');
  await esbuild.build({
    stdin: { contents: `export * from './noiseSimulation.ts'; export * from '../../linalg/random.ts';`, resolveDir: folder, loader: 'ts' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: file,
    logLevel: 'warning',
  });
  const module = await import(pathToFileURL(file).href);
  rmSync(out, { recursive: true });
  return module;
}

const rowFile = (index) => path.join(folder, `noiseTable.${index}.json`);

async function makeRow(index) {
  const { noiseDistance, RandomGenerator } = await simulator();
  const row = [];
  for (const side of sides) {
    const random = new RandomGenerator(seed * 1e6 + index * 1000 + side);
    const draws = drawsFor(side);
    const statistics = new Float64Array(draws);
    for (let draw = 0; draw < draws; draw++) {
      statistics[draw] = side * noiseDistance({ longer: side / ratios[index], shorter: side, blocks: 1 }, random);
    }
    statistics.sort();
    row.push(probabilities.map((p) => {
      const at = (1 - p) * (draws - 1);
      const below = Math.floor(at);
      const above = Math.min(draws - 1, below + 1);
      return Math.round(scale * (statistics[below] + (at - below) * (statistics[above] - statistics[below])));
    }));
  }
  writeFileSync(rowFile(index), JSON.stringify(row));
}

function join() {
  const rows = ratios.map((_, index) => JSON.parse(readFileSync(rowFile(index), 'utf8')));
  const lines = rows.map((row) => `  [\n${row.map((quantiles) => `   ${JSON.stringify(quantiles)}`).join(',\n')}\n  ]`);
  writeFileSync(
    path.join(folder, 'noiseTable.json'),
    `{\n "made": "tools/noiseTable.mjs, seed ${seed}, effort ${effort}",\n "scale": ${scale},\n "ratios": ${JSON.stringify(ratios)},\n "sides": ${JSON.stringify(sides)},\n "probabilities": ${JSON.stringify(probabilities)},\n "quantiles": [\n${lines.join(',\n')}\n ]\n}\n`,
  );
  for (const index of ratios.keys()) rmSync(rowFile(index));
}

if (process.argv.includes('--join')) join();
else if (option('ratio', -1) >= 0) await makeRow(option('ratio', -1));
else {
  for (const index of ratios.keys()) if (!existsSync(rowFile(index))) await makeRow(index);
  join();
}
