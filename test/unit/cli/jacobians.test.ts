import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JacobianReport, JacobianSpectra } from '../../../server/report/jacobians.js';
import type { Report } from '../../../server/report/report.js';
import { assertValidReport } from '../../support/schema.js';

const program = path.resolve('dist', 'cli.js');
const model = path.join('samples', 'models', 'plain.onnx');
const clean = path.join('samples', 'inputs', 'clean.npz');

interface Reference {
  singularValues: number[];
}

/** By PyTorch in float64, at the first inputs of the sample file. */
const reference = JSON.parse(readFileSync('test/fixtures/jacobians.json', 'utf8')) as Record<'logits' | 'conv2' | 'logitsAtConv2', Reference[]> & { pixels: number[][] };

interface Result {
  code: number | null;
  out: string;
  error: string;
}

/** One thread: several of these run side by side, and threads of more than there are processors wait for each other. */
function analyze(...args: string[]): Promise<Result> {
  const child = spawn(process.execPath, [program, 'analyze', ...args, '--threads', '1', '--format', 'json', '--no-timings'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const result: Result = { code: null, out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.error += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...result, code })));
}

/** A NumPy file of unsigned bytes. */
function npy(shape: readonly number[], bytes: readonly number[]): Buffer {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11).concat('\n');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded, 'latin1'), Buffer.from(bytes)]);
}

function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (const [k, value] of expected.entries()) assert.ok(Math.abs(actual[k] - value) <= tolerance * expected[0], `σ${k + 1} ${actual[k]} is not ${value}`);
}

/** numpy.quantile by default, written out. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  return sorted[Math.floor(at)] * (1 - (at % 1)) + sorted[Math.ceil(at)] * (at % 1);
}

describe('analyze with Jacobians', function () {
  this.timeout(120_000);
  let folder: string;
  let four: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'jacobians-'));
    four = path.join(folder, 'four.npy');
    writeFileSync(four, npy([reference.pixels.length, 1, 16, 16], reference.pixels.flat()));
  });
  after(() => rmSync(folder, { recursive: true }));

  describe('on the first inputs of the sample file', () => {
    let report: Report;
    let jacobians: JacobianReport;
    const spectra = (layer: string, kind: 'inputToLayer' | 'layerLocal' | 'layerToOutput'): JacobianSpectra => {
      const found = jacobians.layers.find((use) => use.layer === layer)?.[kind];
      assert.ok(found);
      return found;
    };

    before(async () => {
      const first = await analyze(model, '--only', 'jacobian', '--inputs', four, '--preprocess', 'x/255');
      assert.deepEqual([first.code, first.error], [0, '']);
      report = JSON.parse(first.out) as Report;
      assert.ok(report.jacobians);
      jacobians = report.jacobians;
    });

    it('is a report by the schema, with the layers in the order of the network', () => {
      assertValidReport(report);
      assert.deepEqual(report.layers, []);
      assert.deepEqual(report.settings.only, ['jacobian']);
      assert.deepEqual(jacobians.layers.map(({ layer, call, localFrom }) => [layer, call, localFrom]), [['conv1', 0, null], ['conv2', 0, 'conv1'], ['fc1', 0, 'conv2'], ['fc2', 0, 'fc1'], ['fc3', 0, 'fc2']]);
      assert.deepEqual([jacobians.inputIndices, jacobians.precision, jacobians.selfCheck.passed], [[0, 1, 2, 3], 'float32', true]);
      assert.deepEqual([report.inputs?.n, report.inputs?.preprocessing, report.inputs?.accuracy], [4, 'x/255', null]);
      assert.ok(report.findings.every(({ severity }) => severity === 'hint' || severity === 'information'));
    });

    it('has the singular values that PyTorch has in float64', () => {
      for (const [i, expected] of reference.logits.entries()) {
        assertClose(jacobians.output?.singularValues[i] ?? [], expected.singularValues, 1e-6);
        assertClose(spectra('conv2', 'inputToLayer').singularValues[i].slice(0, 10), reference.conv2[i].singularValues, 1e-6);
        assertClose(spectra('conv2', 'layerToOutput').singularValues[i], reference.logitsAtConv2[i].singularValues, 1e-6);
      }
      assert.deepEqual(spectra('fc3', 'inputToLayer').singularValues, jacobians.output?.singularValues, 'the last layer is f');
    });

    it('has the quantiles of its singular values, and the largest under a bound', () => {
      for (const use of jacobians.layers) {
        for (const part of [use.inputToLayer, use.layerLocal, use.layerToOutput]) {
          assert.ok(part);
          for (const share of ['0.05', '0.5', '0.95'] as const) {
            const expected = part.singularValues[0].map((_, k) => quantile(part.singularValues.map((values) => values[k]), Number(share)));
            assertClose(part.quantiles[share], expected, 1e-12);
          }
        }
        assert.equal(use.truth, Math.max(...(use.inputToLayer?.singularValues ?? []).map(([largest]) => largest)));
        assert.ok(use.bound !== null && use.bound >= (1 - 1e-6) * use.truth, use.layer);
      }
    });
  });

  it('takes as many inputs as --samples says of those that sigmascope.json or --inputs names, drawn by the seed, the same bytes each time', async () => {
    const of = (...args: string[]): Promise<Result> => analyze(model, '--inputs', clean, '--preprocess', 'x/255', '--samples', '2', ...args);
    const declared = analyze(model, '--samples', '2', '--layers', 'fc3');
    const dense = ['--only', 'jacobian', '--layers', 'fc*'];
    const results = await Promise.all([declared, of(...dense), of(...dense), of(...dense, '--seed', '1')]);
    const [report, two, again, other] = results.map(({ out }) => JSON.parse(out) as Report);
    assertValidReport(report);
    assert.deepEqual(report.settings.only, ['weights', 'jacobian']);
    assert.deepEqual([path.resolve(report.inputs?.file ?? ''), report.inputs?.preprocessing], [path.resolve(clean), 'x/255'], 'samples/sigmascope.json declares them');
    assert.deepEqual([report.layers.map(({ id }) => id), report.jacobians?.layers.map(({ layer }) => layer)], [['fc3'], ['fc3']]);
    const places = report.jacobians?.inputIndices ?? [];
    assert.equal(places.length, 2);
    assert.ok(places[0] < places[1] && places[1] < 200);
    assert.deepEqual(report.inputs?.items.map(({ index }) => index), places);
    assert.deepEqual([report.inputs.n, report.inputs.accuracy], [200, 0.975], 'of all inputs, as samples/README.md says');
    assert.deepEqual(two.jacobians?.inputIndices, places);
    assert.deepEqual(two.layers, []);
    assert.equal(results[1].out, results[2].out);
    assert.deepEqual(again.jacobians?.layers.map(({ layer }) => layer), ['fc1', 'fc2', 'fc3']);
    assert.notDeepEqual(other.jacobians?.inputIndices, places);
  });

  it('refuses in one sentence what it cannot do', async () => {
    const broken = path.join(folder, 'broken.npz');
    writeFileSync(broken, 'not an array');
    const cases: [number, RegExp, string[]][] = [
      [3, /missing\.npz/u, [model, '--inputs', path.join(folder, 'missing.npz')]],
      [3, /broken\.npz/u, [model, '--inputs', broken]],
      [2, /--preprocess/u, [model, '--inputs', clean, '--preprocess', 'x/256']],
      [2, /^sigmascope: --only jacobian: /u, [path.join('samples', 'models', 'plain.safetensors'), '--only', 'jacobian', '--inputs', clean]],
      [2, /--samples/u, [model, '--inputs', clean, '--samples', '0']],
    ];
    await Promise.all(
      cases.map(async ([code, sentence, args]) => {
        const result = await analyze(...args);
        assert.deepEqual([result.code, result.out], [code, ''], result.error);
        assert.match(result.error, sentence);
        assert.match(result.error, /^sigmascope: [^\n]+\n$/u);
      }),
    );
  });
});
