import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NotDifferentiable, elementsOf, type FlatGraph } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { NetworkDerivatives } from '../../../server/derivatives/networkDerivatives.js';
import { SampleDerivatives } from '../../../server/derivatives/sampleDerivatives.js';
import { sampleGradients } from '../../../server/derivatives/sampleGradients.js';
import { batchOf, type Samples } from '../../../server/derivatives/samples.js';
import { openModelFile } from '../../../server/formats/open.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { float, ints } from '../../support/derivatives.js';
import { network as networkOf, node, type Constant } from '../../support/flatGraph.js';

interface Reference {
  shape: number[];
  last: number[];
  norm: number;
  pattern: number;
}
const reference = JSON.parse(readFileSync('test/fixtures/parameter_gradients.json', 'utf8')) as { pixels: number[][]; parameters: Record<string, Reference[]> };
const random = new RandomGenerator(5);
const normals = (count: number): number[] => Array.from({ length: count }, () => random.normal());

/** The relative difference of two arrays, by their largest element. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  let [largest, most] = [0, 0];
  for (let i = 0; i < a.length; i++) [largest, most] = [Math.max(largest, Math.abs(b[i])), Math.max(most, Math.abs(a[i] - b[i]))];
  assert.ok(largest > 0);
  return most / largest;
}

/** Gradients of every sample in batches of `batch`. */
async function gradients(network: FlatGraph, samples: Samples, parameters: readonly string[], batch: number, perSample = true): Promise<Map<string, Float64Array>> {
  const [of, by] = [network.outputs[0], Object.keys(samples.inputs)[0]];
  const derivatives = await SampleDerivatives.create(network, samples, { precision: 'float64', of, by, batch, threads: 1 });
  const cotangents = Float64Array.from({ length: samples.n * elementsOf(derivatives.shapeOf(of)) }, (_, i) => Math.cos(i));
  return derivatives.parameterGradients(of, parameters, cotangents, samples, { perSample }).finally(() => derivatives.release());
}

describe('gradients by parameters', () => {
  const n = reference.pixels.length;
  const parameters = Object.keys(reference.parameters);
  const images: Samples = { n, inputs: { image: { dtype: 'float64', shape: [1, 1, 16, 16], elements: Float64Array.from(reference.pixels.flat(), (pixel) => pixel / 255), held: false, batched: true } } };
  let classifier: FlatGraph;
  before(async () => {
    classifier = await importGraph(await openModelFile('samples/models/plain.onnx'));
  });

  for (const [batch, how] of [[1, 'one by one'], [3, 'in batches, the last of which is not full']] as const) {
    it(`are those of PyTorch for every sample, ${how}`, async () => {
      const found = await gradients(classifier, images, parameters, batch);
      for (const name of parameters) {
        const length = elementsOf(reference.parameters[name][0].shape);
        assert.equal(found.get(name)?.length, n * length);
        for (const [place, { last, norm, pattern }] of reference.parameters[name].entries()) {
          const gradient = (found.get(name) ?? new Float64Array()).subarray(place * length, (place + 1) * length);
          assert.ok(Math.abs(Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0)) - norm) <= 1e-12 * norm, `${name} ${place}`);
          assert.ok(Math.abs(gradient.reduce((sum, x, i) => sum + x * Math.sin(i), 0) - pattern) <= 1e-12 * norm, `${name} ${place}`);
          last.forEach((value, i) => assert.ok(Math.abs(gradient[length - last.length + i] - value) <= 1e-12 * norm, `${name} ${place}`));
        }
      }
    });
  }

  it('are summed over all samples', async () => {
    const [each, sum] = [await gradients(classifier, images, parameters, 1), await gradients(classifier, images, parameters, 3, false)];
    for (const name of parameters) {
      const [all, total] = [each.get(name) ?? new Float64Array(), sum.get(name) ?? new Float64Array()];
      assert.equal(total.length * n, all.length);
      assert.ok(difference(total, total.map((_, i) => images.n && Array.from({ length: n }, (__, k) => all[k * total.length + i]).reduce((a, b) => a + b))) <= 1e-12, name);
    }
  });

  /** A layer of every kind that has a quick way, and of those that have none. */
  const constants: Record<string, Constant> = {
    grouped: { shape: [6, 2, 3, 2], values: normals(72) }, bias: { shape: [6], values: normals(6) }, scale: { shape: [6, 1, 1], values: normals(6) }, slope: { shape: [6, 1, 1], values: normals(6) },
    spread: { shape: [6, 2, 2, 2], values: normals(48) }, spreadBias: { shape: [4], values: normals(4) }, tokens: { shape: [1, 1, 9], values: normals(9) }, first: { shape: [1], values: [1], dtype: 'int64' },
    places: { shape: [4], values: [1, 4, -1, 0], dtype: 'int64' }, apart: { shape: [3], values: [0, 4, 9], dtype: 'int64' }, sizes: { shape: [3], values: [1, 1, 1], dtype: 'int64' },
    turned: { shape: [5, 9], values: normals(45) }, gain: { shape: [5], values: normals(5) }, shift: { shape: [5], values: normals(5) }, last: { shape: [25, 4], values: normals(100) }, lastBias: { shape: [1, 4], values: normals(4) }, left: { shape: [3, 5], values: normals(15) },
  };
  const layers = networkOf([
    node('Conv', ['x', 'grouped', 'bias'], ['a'], { group: { type: 'int', value: 2 }, strides: ints(2, 1), pads: ints(1, 0, 0, 1), dilations: ints(1, 2) }),
    node('Mul', ['a', 'scale'], ['b']),
    node('PRelu', ['b', 'slope'], ['c']),
    node('ConvTranspose', ['c', 'spread', 'spreadBias'], ['d'], { group: { type: 'int', value: 2 }, strides: ints(1, 2), pads: ints(0, 1, 1, 0) }),
    node('Slice', ['d', 'zeros', 'ends', 'axes'], ['e']),
    node('Reshape', ['e', 'apart'], ['f']),
    // A parameter that is repeated for every sample before it meets the data.
    node('Shape', ['f'], ['shape']),
    node('Gather', ['shape', 'zero'], ['samples']),
    node('Concat', ['samples', 'ones'], ['repeated'], { axis: { type: 'int', value: 0 } }),
    node('Expand', ['tokens', 'repeated'], ['every']),
    node('Concat', ['every', 'f'], ['g'], { axis: { type: 'int', value: 1 } }),
    // Parameters that go through an operation of their own.
    node('Transpose', ['turned'], ['weights'], { perm: ints(1, 0) }),
    node('MatMul', ['g', 'weights'], ['h']),
    node('LayerNormalization', ['h', 'gain', 'shift'], ['i'], { epsilon: float(1e-5) }),
    node('Add', ['i', 'shift'], ['j']),
    node('Flatten', ['j'], ['k']),
    node('Gemm', ['k', 'last', 'lastBias'], ['l'], { alpha: float(0.5), beta: float(2) }),
    node('MatMul', ['left', 'j5'], ['m']),
    node('Slice', ['j', 'zeros', 'fives', 'axes'], ['j5']),
  ].sort((a, b) => (a.outputs[0] === 'j5' && b.outputs[0] === 'm' ? -1 : a.outputs[0] === 'm' && b.outputs[0] === 'j5' ? 1 : 0)), { x: [1, 4, 6, 5] }, {
    ...constants,
    zeros: { values: [0, 0, 0], dtype: 'int64' }, ends: { values: [1000, 1000, 3], dtype: 'int64' }, fives: { values: [1000, 5, 5], dtype: 'int64' }, axes: { values: [0, 1, 2], dtype: 'int64' }, zero: { values: [0], dtype: 'int64' }, ones: { values: [1, 9], dtype: 'int64' },
  }, ['l']);
  void layers;
});
