import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CommandError } from '../../../server/cli/errors.js';
import { parseCommandLine } from '../../../server/cli/options.js';
import { memorySource } from '../../../server/formats/byteSource.js';
import type { InputArray } from '../../../server/inputs/inputArray.js';
import { openNpz } from '../../../server/inputs/npz.js';
import { npzBytes } from '../../../server/inputs/npzWriter.js';
import type { Report } from '../../../server/report/report.js';
import { assertValidReport } from '../../support/schema.js';

const program = path.resolve('dist', 'cli.js');
const model = 'samples/models/plain.onnx';
const clean = ['--inputs', 'samples/inputs/clean.npz', '--preprocess', 'x/255'];

interface Result {
  code: number | null;
  out: string;
  error: string;
}

/**
 * One thread: several of these run side by side, and threads of more than there are processors wait for each other.
 * @param interruptAfter milliseconds until Ctrl+C
 */
function sigmascope(args: readonly string[], interruptAfter: number | null = null): Promise<Result> {
  const child = spawn(process.execPath, [program, ...args, '--threads', '1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const result: Result = { code: null, out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.error += text));
  const timer = interruptAfter === null ? null : setTimeout(() => child.kill('SIGINT'), interruptAfter);
  return new Promise((resolve) => child.on('close', (code) => {
    if (timer !== null) clearTimeout(timer);
    resolve({ ...result, code });
  }));
}

async function arraysOf(file: string): Promise<Record<string, InputArray>> {
  const npz = await openNpz(memorySource(readFileSync(file), file));
  return Object.fromEntries(await Promise.all(npz.names.map(async (name) => [name, await npz.read(name)] as const)));
}

function numbersOf({ data }: InputArray): number[] {
  return Array.from<number | bigint, number>(data, Number);
}

function refused(args: readonly string[], sentence: RegExp): void {
  assert.throws(() => parseCommandLine(['probe', 'm.onnx', ...args]), (error) => error instanceof CommandError && error.exitCode === 2 && sentence.test(error.message), args.join(' '));
}

describe('options of probe', () => {
  const needed = ['--inputs', 'x.npz', '--attack', 'pgd', '--epsilon', '8/255', '--out', 'y.npz'];

  it('have defaults, and take fractions', () => {
    const { inputs, ...options } = parseCommandLine(['probe', 'm.onnx', ...needed]) as Extract<ReturnType<typeof parseCommandLine>, { command: 'probe' }>;
    assert.deepEqual(inputs, { file: 'x.npz', labels: null, preprocess: null, layout: null, range: null, resize: false });
    assert.deepEqual(options, {
      command: 'probe', model: 'm.onnx', input: null, output: null, samples: null, precision: 'float32', attack: 'pgd', norm: 'linf', epsilon: 8 / 255, steps: null,
      stepSize: null, restarts: null, loss: null, seed: 0, threads: null, timeoutSeconds: null, format: 'text', out: 'y.npz', timings: true, quiet: false,
    });
    const given = parseCommandLine(['probe', 'm.onnx', ...needed, '--norm=l2', '--epsilon=1.5e-2', '--step-size', '.5/255', '--attack-loss', 'margin', '--steps=7', '--restarts', '3']);
    assert.ok(given.command === 'probe');
    assert.deepEqual([given.norm, given.epsilon, given.stepSize, given.loss, given.steps, given.restarts], ['l2', 0.015, 0.5 / 255, 'margin', 7, 3]);
  });

  it('are refused with what is wrong', () => {
    refused([], /probe needs inputs to perturb: give --inputs, as in "sigmascope probe/);
    refused(needed.slice(0, 2), /probe needs an attack, random, fgsm, pgd and deepfool/);
    refused(needed.slice(0, 4), /needs the size of the perturbations: give --epsilon/);
    refused(needed.slice(0, 6), /to an \.npz file: give --out/);
    refused([...needed, '--out', 'report.json'], /\.npz file, and --out is report\.json/);
    refused([...needed, '--epsilon', '-1'], /--epsilon "-1" is not a number from 0 to/);
    refused([...needed, '--epsilon', '1/0'], /--epsilon "1\/0"/);
    refused([...needed, '--step-size', '0'], /--step-size "0" is not a number above 0/);
    refused([...needed, '--attack', 'fgms'], /"fgms" is not one of random, fgsm, pgd, deepfool; did you mean fgsm\?/);
    refused([...needed, '--norm', 'l1'], /"l1" is not one of linf, l2/);
    refused([...needed, '--format', 'html'], /"html" is not one of text, json/);
    refused([...needed, '--attack', 'deepfool', '--step-size', '1'], /--step-size does not apply to --attack deepfool/);
    refused([...needed, '--attack', 'fgsm', '--restarts', '2'], /--restarts does not apply to --attack fgsm/);
    refused([...needed, '--attack', 'random', '--steps', '2'], /--steps does not apply to --attack random/);
    refused([...needed, '--fail-on', 'error'], /--fail-on does not apply to probe/);
  });
});

describe('probe', function () {
  this.timeout(60_000);
  let folder: string;
  const at = (name: string): string => path.join(folder, name);
  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'probe-'))));
  after(() => rmSync(folder, { recursive: true }));

  const probe = (out: string, ...args: string[]): Promise<Result> => sigmascope(['probe', model, ...clean, '--attack', 'pgd', '--epsilon', '0.05', '--steps', '10', '--samples', '40', '--out', at(out), ...args]);

  it('writes inputs that give the same accuracy when they are fed back, the same bytes for the same seed', async () => {
    const json = ['--format', 'json', '--no-timings'];
    const [first, again, other] = await Promise.all([probe('a.npz', ...json), probe('b.npz', ...json), probe('c.npz', '--seed', '1')]);
    assert.deepEqual([first.code, first.error], [0, '']);
    assert.equal(again.out.replace('b.npz', 'a.npz'), first.out);
    assert.ok(readFileSync(at('a.npz')).equals(readFileSync(at('b.npz'))));
    assert.ok(!readFileSync(at('a.npz')).equals(readFileSync(at('c.npz'))));
    assert.equal(other.code, 0);
    assert.match(other.out, /^PGD in the L∞ ball on 40 inputs of samples\/models\/plain\.onnx: \d+\.\d % of the labels before, \d+\.\d % after\.\nε 0\.05000 · 10 steps of 0\.01250 · 1 restart · cross-entropy · range 0 … 1\.000 · seed 1\n/);

    const report = JSON.parse(first.out) as Report;
    assertValidReport(report);
    assert.ok(report.probe);
    const { probe: found } = report;
    const arrays = await arraysOf(at('a.npz'));
    assert.deepEqual(Object.entries(arrays).map(([name, { dtype, shape }]) => [name, dtype, shape]), [
      ['x', 'float32', [40, 1, 16, 16]], ['y', 'int64', [40]], ['clean', 'float32', [40, 1, 16, 16]], ['prediction', 'int64', [40]], ['success', 'bool', [40]], ['epsilon', 'float64', []],
    ]);
    const [before, labels, predicted, success] = [arrays.clean, arrays.y, arrays.prediction, arrays.success].map(numbersOf);
    const farthest = Math.max(...numbersOf(arrays.x).map((x, i) => Math.abs(x - before[i])));
    assert.ok(farthest <= 0.05 && farthest > 0.0499);
    assert.deepEqual(success, predicted.map((prediction, i) => (prediction === labels[i] ? 0 : 1)));
    assert.equal(found.accuracyPerturbed, success.filter((wrong) => wrong === 0).length / 40);
    assert.ok(found.accuracyPerturbed < found.accuracyClean);
    assert.deepEqual(report.inputs?.items.map(({ label }) => label), labels);
    assert.equal(report.inputs.n, 200);

    const back = await sigmascope(['probe', model, '--inputs', at('a.npz'), '--attack', 'random', '--epsilon', '0', '--out', at('e.npz'), '--format', 'json']);
    const fed = (JSON.parse(back.out) as Report).probe;
    assert.deepEqual([fed?.accuracyClean, fed?.accuracyPerturbed, fed?.meanNorm], [found.accuracyPerturbed, found.accuracyPerturbed, 0]);
    assert.deepEqual((await arraysOf(at('e.npz'))).x, arrays.x);
  });

  it('attacks the prediction without labels', async () => {
    const { x } = await arraysOf('samples/inputs/clean.npz');
    writeFileSync(at('bare.npz'), npzBytes({ x: { dtype: 'float32', shape: [20, 1, 16, 16], data: Float32Array.from({ length: 20 * 256 }, (_, i) => Number(x.data[i]) / 255) } }));
    const { out } = await sigmascope(['probe', model, '--inputs', at('bare.npz'), '--attack', 'deepfool', '--norm', 'l2', '--epsilon', '100', '--out', at('f.npz'), '--format', 'json']);
    const found = (JSON.parse(out) as Report).probe;
    assert.deepEqual([found?.target, found?.accuracyClean, found?.accuracyPerturbed, found?.steps, found?.stepSize, found?.restarts, found?.loss], ['prediction', 1, 0, 50, null, null, null]);
    assert.equal(found?.meanNorm, found?.meanNormSuccess);
  });

  it('ends with one sentence and its code, and writes nothing then', async () => {
    const out = at('none.npz');
    const labels = at('labels.npz');
    writeFileSync(labels, npzBytes({ y: { dtype: 'int64', shape: [200], data: new BigInt64Array(200).fill(10n) } }));
    const attack = ['--attack', 'fgsm', '--epsilon', '0.1', '--out', out];
    const cases: [number, RegExp, readonly string[]][] = [
      [2, /Input \d+ has the value [\d.]+, outside of 0 … 0\.5, which --range states/, [model, ...clean, '--range', '0,0.5', ...attack]],
      [3, /There is the label 10, and the model has classes 0 … 9/, [model, ...clean, '--labels', labels, ...attack]],
      [3, /needs one vector of at least 2 logits an input, and the network answers \[1, 16, 8, 8\]/, [model, ...clean, '--output', '/conv2/Conv_output_0', ...attack]],
      [2, /The model makes no value 'nothing'/, [model, ...clean, '--output', 'nothing', ...attack]],
      [2, /holds weights and no graph/, ['samples/models/plain.safetensors', ...clean, ...attack]],
      [3, /missing\.npz/, [model, '--inputs', at('missing.npz'), ...attack]],
      [2, /would overwrite the file that is read/, [model, '--inputs', `${labels}#y`, ...attack.slice(0, -1), labels]],
      [124, /^sigmascope: Timed out after 0\.5 s: (\d+ of 1\D?000\D?000 steps were done|the attack had not begun) and nothing is written\.$/, [model, ...clean, ...attack, '--attack', 'pgd', '--steps', '1000000', '--timeout', '0.5']],
    ];
    const results = await Promise.all(cases.map(([, , args]) => sigmascope(['probe', ...args])));
    for (const [i, [code, sentence]] of cases.entries()) {
      assert.equal(results[i].code, code, results[i].error);
      assert.equal(results[i].out, '');
      assert.match(results[i].error.trim(), sentence);
      assert.match(results[i].error, /^sigmascope: [^\n]+\n$/);
    }
    assert.ok(!existsSync(out));
  });

  it('stops on Ctrl+C with a sentence', async function () {
    // Windows has no signals: a terminal sends Ctrl+C to the console itself.
    if (process.platform === 'win32') this.skip();
    const out = at('never.npz');
    const { code, error } = await sigmascope(['probe', model, ...clean, '--attack', 'pgd', '--epsilon', '0.1', '--steps', '1000000', '--out', out], 700);
    assert.equal(code, 130, error);
    assert.match(error, /^sigmascope: Cancelled: .* and nothing is written\.\n$/);
    assert.ok(!existsSync(out));
  });
});
