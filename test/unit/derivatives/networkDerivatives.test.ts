import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NotDifferentiable, type FlatGraph } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { NetworkDerivatives, type Precision } from '../../../server/derivatives/networkDerivatives.js';
import type { TensorData } from '../../../server/derivatives/session.js';
import { openModelFile } from '../../../server/formats/open.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { largestSingularValues } from '../../../server/linalg/krylov/lanczos.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { gaussian } from '../../support/matrices.js';
import { int, networkOf } from '../../support/derivatives.js';

interface Reference {
  singularValues: number[];
  firstRow: number[];
  sum: number;
  norm: number;
}
const reference = JSON.parse(readFileSync('test/fixtures/jacobians.json', 'utf8')) as { pixels: number[][]; logits: Reference[]; conv2: Reference[]; logitsAtConv2: Reference[] };

const samples = reference.pixels.length;
const images: Record<string, TensorData> = { image: { dtype: 'float32', shape: [samples, 1, 16, 16], elements: Float32Array.from(reference.pixels.flat(), (pixel) => pixel / 255) } };
const exactImages: Record<string, TensorData> = { image: { dtype: 'float64', shape: [samples, 1, 16, 16], elements: Float64Array.from(reference.pixels.flat(), (pixel) => pixel / 255) } };

/** The output of a node by its name in the file. */
function outputOf(network: FlatGraph, name: string): string {
  const node = network.nodes.find((candidate) => candidate.name === name);
  assert.ok(node, name);
  return node.outputs[0];
}

describe('derivatives of a network', () => {
  let network: FlatGraph;
  let workspace: MatrixWorkspace;
  before(async () => {
    network = await importGraph(await openModelFile('samples/models/plain.onnx'));
    workspace = await MatrixWorkspace.create();
  });

  for (const [precision, tolerance] of [['float64', 1e-12], ['float32', 1e-5]] as const) {
    it(`are those of PyTorch in ${precision}: of the logits, of a layer, and of the logits by a layer`, async () => {
      const derivatives = await create(precision);
      const batch = precision === 'float64' ? exactImages : images;
      const layer = outputOf(network, '/conv2/Conv');
      for (const [of, by, expected] of [[network.outputs[0], 'image', reference.logits], [layer, 'image', reference.conv2], [network.outputs[0], layer, reference.logitsAtConv2]] as const) {
        const { rows, columns, matrices } = await derivatives.jacobians(of, by, batch);
        for (const [n, matrix] of matrices.entries()) {
          const { singularValues, firstRow, sum, norm } = expected[n];
          workspace.allocate(1, rows, columns).set(matrix);
          const values = (await workspace.singularValues()).singularValues;
          singularValues.forEach((value, i) => assert.ok(Math.abs(values[i] - value) <= tolerance * singularValues[0], `${of} ${n} ${i}: ${values[i]} for ${value}`));
          firstRow.forEach((value, j) => assert.ok(Math.abs(matrix[j] - value) <= tolerance * norm));
          assert.ok(Math.abs(matrix.reduce((a, b) => a + b, 0) - sum) <= 100 * tolerance * norm);
        }
      }
      await derivatives.release();
    });
  }

  it('are the same whatever fits into memory', async () => {
    const [whole, pieces] = [await create('float64'), await NetworkDerivatives.create(network, exactImages, { precision: 'float64', memoryBytes: 120_000 })];
    assert.ok(pieces.directionsAtOnce(network.outputs[0], 'image') < whole.directionsAtOnce(network.outputs[0], 'image'));
    const [a, b] = [await whole.jacobians(network.outputs[0], 'image', exactImages), await pieces.jacobians(network.outputs[0], 'image', exactImages)];
    for (const [n, matrix] of a.matrices.entries()) matrix.forEach((value, i) => assert.ok(Math.abs(value - b.matrices[n][i]) <= 1e-14 * reference.logits[n].norm));
    await whole.release();
    await pieces.release();
  });

  it('multiply vectors by JᵀJ without the matrix', async () => {
    const derivatives = await create('float64');
    const { columns, matrices } = await derivatives.jacobians(network.outputs[0], 'image', exactImages);
    const vectors = gaussian(2 * samples, columns, 7);
    const products = await derivatives.gramProducts(network.outputs[0], 'image', vectors, exactImages);
    for (let k = 0; k < 2; k++) {
      for (const [n, matrix] of matrices.entries()) {
        const at = (k * samples + n) * columns;
        const image = Array.from({ length: 10 }, (_, i) => sumOver(columns, (j) => matrix[i * columns + j] * vectors[at + j]));
        for (let j = 0; j < columns; j += 17) {
          const expected = sumOver(10, (i) => matrix[i * columns + j] * image[i]);
          assert.ok(Math.abs(Number(products[at + j]) - expected) <= 1e-11 * reference.logits[n].norm ** 2);
        }
      }
    }
    await derivatives.release();
  });

  it('give the largest singular values of a Jacobian by its products', async () => {
    const single = { image: { dtype: 'float64', shape: [1, 1, 16, 16], elements: Float64Array.from(reference.pixels[0], (pixel) => pixel / 255) } } as const;
    const derivatives = await NetworkDerivatives.create(network, single, { precision: 'float64' });
    const operator = derivatives.jacobianOperator(outputOf(network, '/conv2/Conv'), 'image', single);
    assert.deepEqual([operator.rows, operator.columns], [1024, 256]);
    const { singularValues, relativeError, converged } = await largestSingularValues(operator, { count: 5, blockSize: 5, tolerance: 1e-10, random: new RandomGenerator(3) });
    assert.equal(converged, true);
    assert.ok(relativeError < 1e-4);
    singularValues.forEach((value, i) => assert.ok(Math.abs(value - reference.conv2[0].singularValues[i]) < 1e-8 * singularValues[0]));
    await derivatives.release();
  });

  it('take inputs of float16 networks as numbers or as bit patterns', async () => {
    const numbers = [0.1, -1.5, 2 ** -15, 3];
    // 0.1 rounds to 1638/16384; 2⁻¹⁵ is below the normal numbers.
    const bits = Uint16Array.of(0x2e66, 0xbe00, 0x0200, 0x4200);
    const half = { ...networkOf({ operator: 'Tanh', operands: [{ shape: [1, 4] }] }).network, inputs: [{ name: 'x0', dtype: 'float16', shape: [1, 4] }] } as const;
    const given: [TensorData, readonly number[]][] = [
      [{ dtype: 'float64', shape: [1, 4], elements: Float64Array.from(numbers) }, numbers],
      [{ dtype: 'float32', shape: [1, 4], elements: Float32Array.from(numbers) }, numbers.map(Math.fround)],
      [{ dtype: 'float16', shape: [1, 4], elements: bits }, [1638 / 16384, -1.5, 2 ** -15, 3]],
    ];
    for (const [x0, values] of given) {
      const derivatives = await NetworkDerivatives.create(half, { x0 }, { precision: 'float64' });
      const { matrices } = await derivatives.jacobians('y0', 'x0', { x0 });
      values.forEach((x, i) => assert.ok(Math.abs(matrices[0][5 * i] - (1 - Math.tanh(x) ** 2)) <= 1e-15));
      await derivatives.release();
    }
  });

  it('take inputs that an operation needs beforehand, such as axes, as held', async () => {
    const { network: summing } = networkOf({ operator: 'ReduceSum', operands: [{ shape: [2, 3] }, null], attributes: { keepdims: int(0) } });
    const given = { ...summing, nodes: [{ ...summing.nodes[0], inputs: ['x0', 'axes'] }], inputs: [...summing.inputs, { name: 'axes', dtype: 'int64', shape: [1] }] } as const;
    const batch: Record<string, TensorData> = { x0: { dtype: 'float32', shape: [2, 3], elements: new Float32Array(6) }, axes: { dtype: 'int64', shape: [1], elements: BigInt64Array.of(-1n) } };
    const derivatives = await NetworkDerivatives.create(given, batch, { precision: 'float32', held: ['axes'] });
    const { matrices } = await derivatives.jacobians('y0', 'x0', batch, { samples: 1 });
    assert.deepEqual([...matrices[0]], [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
    const other = { ...batch, axes: { ...batch.axes, elements: BigInt64Array.of(0n) } };
    await assert.rejects(derivatives.jacobians('y0', 'x0', other, { samples: 1 }), { message: 'The input axes was held when the network was differentiated, and now has other values: differentiate it anew for these.' });
    await derivatives.release();
    const free = await NetworkDerivatives.create(given, batch, { precision: 'float32' });
    await assert.rejects(free.jacobians('y0', 'x0', batch, { samples: 1 }), (error) => error instanceof NotDifferentiable && error.parameter === 'axes');
    await free.release();
  });

  it('stop between products', async () => {
    const derivatives = await create('float32');
    await assert.rejects(derivatives.jacobians(network.outputs[0], 'image', images, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    await derivatives.release();
  });

  it('say in a sentence what has none', async () => {
    const derivatives = await create('float32');
    await assert.rejects(derivatives.jacobians('nothing', 'image', images), (error) => error instanceof NotDifferentiable && error.message.startsWith('The network has no value nothing.'));
    await derivatives.release();
    const { network: odd, feeds } = networkOf({ operator: 'ConvTransposeWithDynamicPads', domain: 'com.microsoft', operands: [{ shape: [1, 1, 3, 3] }, { shape: [1, 1, 2, 2] }, { constant: [0, 0, 0, 0] }] });
    const without = await NetworkDerivatives.create(odd, feeds, { precision: 'float32' });
    await assert.rejects(without.jacobians('y0', 'x0', feeds), (error) => error instanceof NotDifferentiable && error.node?.operator === 'ConvTransposeWithDynamicPads' && /^There is no derivative rule for com\.microsoft\.ConvTransposeWithDynamicPads \(tested\): .*\.$/.test(error.message));
    await without.release();
  });

  const create = (precision: Precision): Promise<NetworkDerivatives> => NetworkDerivatives.create(network, precision === 'float64' ? exactImages : images, { precision });
});

function sumOver(count: number, term: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += term(i);
  return sum;
}
