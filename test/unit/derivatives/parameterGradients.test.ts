import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NotDifferentiable, elementsOf, type FlatGraph, type Node } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { NetworkDerivatives } from '../../../server/derivatives/networkDerivatives.js';
import { SampleDerivatives } from '../../../server/derivatives/sampleDerivatives.js';
import { sampleGradients } from '../../../server/derivatives/sampleGradients.js';
import { batchOf, type Samples } from '../../../server/derivatives/samples.js';
import { openModelFile } from '../../../server/formats/open.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { float, int, ints } from '../../support/derivatives.js';
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
      assert.ok(difference(total, total.map((_, i) => Array.from({ length: n }, (__, k) => all[k * total.length + i]).reduce((a, b) => a + b))) <= 1e-12, name);
    }
  });

  /** Parameters p and q that reach the data by a quick way, by the rule of an operator, or after operations of their own. */
  const layers: { what: string; nodes: Node[]; x: number[]; parameters: Record<string, number[]>; constants?: Record<string, Constant> }[] = [
    { what: 'Conv with groups, strides and dilations', nodes: [node('Conv', ['x', 'p', 'q'], ['y'], { group: int(2), strides: ints(2, 1), pads: ints(1, 0, 0, 2), dilations: ints(1, 2) })], x: [1, 4, 6, 5], parameters: { p: [6, 2, 3, 2], q: [6] } },
    { what: 'ConvTranspose', nodes: [node('ConvTranspose', ['x', 'p', 'q'], ['y'], { group: int(2), strides: ints(1, 2), pads: ints(0, 1, 1, 0) })], x: [1, 4, 3, 5], parameters: { p: [4, 3, 2, 2], q: [6] } },
    { what: 'Gemm with factors', nodes: [node('Gemm', ['x', 'p', 'q'], ['y'], { alpha: float(0.5), beta: float(2) })], x: [1, 7], parameters: { p: [7, 3], q: [1, 3] } },
    { what: 'Gemm with turned weights', nodes: [node('Gemm', ['x', 'p'], ['y'], { transB: int(1) })], x: [1, 7], parameters: { p: [3, 7] } },
    { what: 'MatMul of tokens, and a bias', nodes: [node('MatMul', ['x', 'p'], ['z']), node('Add', ['q', 'z'], ['y'])], x: [1, 3, 5], parameters: { p: [5, 4], q: [4] } },
    { what: 'MatMul from the left', nodes: [node('MatMul', ['p', 'x'], ['y'])], x: [1, 3, 5], parameters: { p: [4, 3] } },
    { what: 'scales and slopes', nodes: [node('Mul', ['x', 'p'], ['z']), node('PRelu', ['z', 'q'], ['y'])], x: [1, 4, 3], parameters: { p: [4, 1], q: [4, 1] } },
    { what: 'LayerNormalization', nodes: [node('LayerNormalization', ['x', 'p', 'q'], ['y'])], x: [1, 4, 6], parameters: { p: [6], q: [6] } },
    { what: 'a parameter in two places', nodes: [node('MatMul', ['x', 'p'], ['z']), node('Tanh', ['z'], ['u']), node('MatMul', ['u', 'p'], ['y'])], x: [1, 5], parameters: { p: [5, 5] } },
    { what: 'parameters of parameters', nodes: [node('Transpose', ['p'], ['z'], { perm: ints(1, 0) }), node('Mul', ['z', 'q'], ['u']), node('MatMul', ['x', 'u'], ['y'])], x: [1, 5], parameters: { p: [3, 5], q: [3] } },
    {
      what: 'a token that is repeated for every sample',
      nodes: [node('Shape', ['x'], ['z'], { end: int(1) }), node('Concat', ['z', 'rest'], ['u'], { axis: int(0) }), node('Expand', ['p', 'u'], ['v']), node('Concat', ['v', 'x'], ['y'], { axis: int(1) })],
      x: [1, 3, 5], parameters: { p: [1, 1, 5] }, constants: { rest: { values: [1, 5], dtype: 'int64' } },
    },
  ];

  for (const { what, nodes, x, parameters: shapes, constants = {} } of layers) {
    it(`are the same in one run for all samples as one by one: ${what}`, async () => {
      const values = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, values: normals(elementsOf(shape)) }]));
      const layer = networkOf(nodes, { x }, { ...values, ...constants }, ['y']);
      const samples: Samples = { n: 4, inputs: { x: { dtype: 'float64', shape: x, elements: Float64Array.from(normals(4 * elementsOf(x))), held: false, batched: true } } };
      const together = await NetworkDerivatives.create({ ...layer, inputs: [{ name: 'x', dtype: 'float32', shape: null }] }, batchOf(samples, [0, 1, 2, 3]), { precision: 'float64' });
      const cotangents = Float64Array.from({ length: elementsOf(together.shapeOf('y')) }, (_, i) => Math.cos(i));
      const found = await together.sampleGradients('y', Object.keys(shapes), cotangents, batchOf(samples, [0, 1, 2, 3]), () => true);
      await together.release();
      const expected = await gradients(layer, samples, Object.keys(shapes), 1);
      for (const name of Object.keys(shapes)) assert.ok(difference(Array.from(found.get(name) ?? [], Number), expected.get(name) ?? []) <= 1e-12, name);
    });
  }

  it('are found one by one where samples are not the first axis', async () => {
    const values = { p: { shape: [5, 2], values: normals(10) } };
    const turning = networkOf([node('Transpose', ['x'], ['z'], { perm: ints(1, 0, 2) }), node('MatMul', ['z', 'p'], ['u']), node('Tanh', ['u'], ['v']), node('Transpose', ['v'], ['y'], { perm: ints(1, 0, 2) })], { x: [1, 3, 5] }, values, ['y']);
    const samples: Samples = { n: 3, inputs: { x: { dtype: 'float64', shape: [1, 3, 5], elements: Float64Array.from(normals(45)), held: false, batched: true } } };
    const [batched, alone] = [await gradients(turning, samples, ['p'], 3), await gradients(turning, samples, ['p'], 1)];
    assert.ok(difference(batched.get('p') ?? [], alone.get('p') ?? []) <= 1e-13);
    const { network } = await NetworkDerivatives.create({ ...turning, inputs: [{ name: 'x', dtype: 'float32', shape: null }] }, batchOf(samples, [0, 1, 2]), { precision: 'float64' });
    assert.throws(() => sampleGradients(network, { of: 'y', by: ['p'], samples: 3, isBatched: (name) => name !== 'u' }), (error) => error instanceof NotDifferentiable && error.message === 'The gradients of single samples cannot be told apart in u, whose first axis does not count them.');
  });

  it('say in a sentence what is no parameter', async () => {
    const derivatives = await NetworkDerivatives.create(classifier, batchOf(images, [0]), { precision: 'float32' });
    const cotangents = new Float32Array(10);
    await assert.rejects(derivatives.parameterGradients(classifier.outputs[0], ['fc9.weight'], cotangents, batchOf(images, [0])), { message: 'The network has no value fc9.weight to differentiate.' });
    await assert.rejects(derivatives.sampleGradients(classifier.outputs[0], ['image'], cotangents, batchOf(images, [0]), () => true), { message: 'image depends on the inputs and is no parameter of the network.' });
    await derivatives.release();
  });
});
