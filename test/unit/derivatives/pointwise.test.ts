import assert from 'node:assert/strict';
import { NetworkDerivatives } from '../../../server/derivatives/networkDerivatives.js';
import { jacobianVectorProduct, vectorJacobianProduct } from '../../../server/derivatives/differentiate.js';
import type { FlatGraph, ShapedGraph } from '../../../server/derivatives/graph.js';
import { float } from '../../support/derivatives.js';
import { network, node, normalInputs } from '../../support/flatGraph.js';

/** x·½·(1 + erf(x/√2)) between two products with matrices, as PyTorch exports it. */
const gelu = network(
  [node('MatMul', ['x', 'a'], ['h']), node('Div', ['h', 'root'], ['u']), node('Erf', ['u'], ['e']), node('Add', ['e', 'one'], ['v']), node('Mul', ['h', 'v'], ['w']), node('Mul', ['w', 'half'], ['g']), node('MatMul', ['g', 'b'], ['y'])],
  { x: [1, 2] },
  { a: { values: [1, -2, 0.5, 3, 0.25, -1], shape: [2, 3] }, b: { values: [1, 2, -1, 0.5, 3, 1], shape: [3, 2] }, root: { values: [Math.SQRT2], shape: [] }, one: { values: [1], shape: [] }, half: { values: [0.5], shape: [] } },
  ['y'],
);

/** Operations of the derivative by the number of directions that they carry. */
async function carrying(graph: FlatGraph, directions: number, of = 'y', by = 'x'): Promise<number[]> {
  const { network: shaped } = await NetworkDerivatives.create(graph, normalInputs(graph), { precision: 'float64' });
  return [jacobianVectorProduct, vectorJacobianProduct].map((product) => multiplications(product(shaped, { of: [of], by: [by], directions }).graph, directions));
}

function multiplications(graph: ShapedGraph, directions: number): number {
  return graph.nodes.filter(({ operator, outputs }) => operator === 'Mul' && graph.values.get(outputs[0])?.shape.length === 3 && graph.values.get(outputs[0])?.shape[0] === directions).length;
}

describe('directions through operations by element', () => {
  it('are multiplied once by the slope of all of them', async () => {
    assert.deepEqual(await carrying(gelu, 7), [1, 1]);
    const scaled = { ...gelu, nodes: [node('MatMul', ['x', 'a'], ['h']), node('Mul', ['h', 'half'], ['u']), node('Add', ['u', 'one'], ['v']), node('LeakyRelu', ['v'], ['g'], { alpha: float(0.1) }), node('MatMul', ['g', 'b'], ['y'])] };
    assert.deepEqual(await carrying(scaled, 7), [1, 1]);
  });

  it('go one by one through operations of which something is read in between', async () => {
    const branching = { ...gelu, nodes: [node('MatMul', ['x', 'a'], ['h']), node('Tanh', ['h'], ['u']), node('Exp', ['u'], ['v']), node('MatMul', ['u', 'b'], ['p']), node('MatMul', ['v', 'b'], ['q']), node('Add', ['p', 'q'], ['y'])] };
    assert.deepEqual(await carrying(branching, 7), [2, 2]);
  });

  it('give the derivative in closed form, from and to values inside too', async () => {
    const feeds = normalInputs(gelu);
    const derivatives = await NetworkDerivatives.create(gelu, feeds, { precision: 'float64' });
    const values = await derivatives.values(['h', 'u', 'e'], feeds);
    const [h, u] = ['h', 'u'].map((name) => Array.from(values.get(name)?.elements ?? [], Number));
    const e = Array.from(values.get('e')?.elements ?? [], Number);
    const diagonal = async (of: string, by: string): Promise<number[]> => {
      const { matrices } = await derivatives.jacobians(of, by, feeds);
      return [0, 4, 8].map((i) => matrices[0][i]);
    };
    const bell = h.map((x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI));
    const near = (found: number[], expected: number[]): void => expected.forEach((value, i) => assert.ok(Math.abs(found[i] - value) <= 1e-7 * Math.max(1, Math.abs(value)), `${found[i]} for ${value}`));
    near(await diagonal('g', 'h'), h.map((x, i) => 0.5 * (1 + e[i]) + x * bell[i]));
    near(await diagonal('e', 'u'), u.map((x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x)));
    near(await diagonal('g', 'u'), h.map((x, i) => (x / 2) * (2 / Math.sqrt(Math.PI)) * Math.exp(-u[i] * u[i])));
    await derivatives.release();
  });
});
