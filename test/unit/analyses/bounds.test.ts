import assert from 'node:assert/strict';
import fc from 'fast-check';
import { jacobianBounds, type ValueBound } from '../../../server/analyses/jacobians/bounds.js';
import { geluSlope, geluTanhSlope, mishSlope, swishSlope } from '../../../server/analyses/jacobians/lipschitz/activations.js';
import { OperatorNorms } from '../../../server/analyses/jacobians/lipschitz/operatorNorms.js';
import type { FlatGraph, Node } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { NetworkDerivatives } from '../../../server/derivatives/networkDerivatives.js';
import { probe } from '../../../server/derivatives/probe.js';
import { openModelFile } from '../../../server/formats/open.js';
import { declaredSpectrum } from '../../../server/linalg/convolution/convolutionOperator.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import type { OnnxAttribute } from '../../../server/runtime/onnxWriter.js';
import { float, int, ints, text } from '../../support/derivatives.js';
import { network, node, normalInputs, type Constant } from '../../support/flatGraph.js';
import { describeShared, sharedData } from '../../support/shared.js';
import reference from '../../fixtures/jacobian_bounds.json';

let workspace: MatrixWorkspace;
before(async () => {
  workspace = await MatrixWorkspace.create();
});

/** Bounds of values by x. */
async function bounds(graph: FlatGraph, values: readonly string[], norms = new OperatorNorms(workspace)): Promise<ValueBound[]> {
  const shaped = (await probe(graph, normalInputs(graph))).graph;
  const found = await jacobianBounds(shaped, 'x', values, norms);
  return values.map((name) => found.get(name)!);
}

async function boundOf(graph: FlatGraph, value = 'y'): Promise<number> {
  const [{ bound, reason }] = await bounds(graph, [value]);
  assert.ok(bound !== null, reason ?? '');
  return bound;
}

async function reasonFor(graph: FlatGraph, value = 'y'): Promise<string | null> {
  return (await bounds(graph, [value]))[0].reason;
}

/** Largest ‖∂y/∂x‖₂ over some inputs, from whole Jacobians in float64. */
async function largestSeen(graph: FlatGraph, factors: readonly number[]): Promise<number> {
  let largest = 0;
  let derivatives: NetworkDerivatives | null = null;
  for (const [seed, factor] of factors.entries()) {
    const feeds = normalInputs(graph, factor, seed + 1);
    derivatives ??= await NetworkDerivatives.create(graph, feeds, { precision: 'float64', threads: 1 });
    const { rows, columns, matrices: [matrix] } = await derivatives.jacobians('y', 'x', feeds, { samples: 1 });
    workspace.allocate(1, rows, columns).set(matrix);
    largest = Math.max(largest, (await workspace.singularValues()).singularValues[0]);
  }
  await derivatives?.release();
  return largest;
}

function close(actual: number, expected: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.abs(expected), `${actual} for ${expected}`);
}

const random = new RandomGenerator(5);
const normal = (...shape: number[]): Constant => ({ shape, values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(random.normal())) });
const one = (value: number): Constant => ({ shape: [], values: [value] });
const integers = (...values: number[]): Constant => ({ values, dtype: 'int64' });

/** One operation on x. */
function single(operator: string, shape: readonly number[], constants: Readonly<Record<string, Constant>> = {}, attributes: Readonly<Record<string, OnnxAttribute>> = {}, inputs: readonly string[] = ['x', ...Object.keys(constants)], domain = ''): FlatGraph {
  return network([node(operator, inputs, ['y'], attributes, domain)], { x: shape }, constants, ['y'], domain === '' ? { '': 18 } : { '': 18, [domain]: 1 });
}

describe('proven bounds of Jacobians', () => {
  it('of a chain of matrices are the product of their largest singular values', async () => {
    // T10: σ₁ = √12; a diagonal matrix; a column of twos, and one number.
    const constants = { k: { shape: [3, 3], values: [0, 1, 2, 2, 2, 0, 0, 1, 2] }, d: { shape: [3, 3], values: [5, 0, 0, 0, -7, 0, 0, 0, 1] }, b: { values: [1, 2, 3] }, c: { shape: [3, 1], values: [2, 2, 2] } };
    const graph = network([node('MatMul', ['x', 'k'], ['p']), node('Gemm', ['p', 'd', 'b'], ['g'], { transB: int(1), alpha: float(0.5) }), node('MatMul', ['g', 'c'], ['y'])], { x: [2, 3] }, constants, ['y']);
    const [p, g, y, x] = await bounds(graph, ['p', 'g', 'y', 'x']);
    close(p.bound ?? NaN, Math.sqrt(12), 1e-12);
    close(g.bound ?? NaN, Math.sqrt(12) * 3.5, 1e-12);
    close(y.bound ?? NaN, Math.sqrt(12) * 3.5 * Math.sqrt(12), 1e-12);
    assert.equal(x.bound, 1);
    assert.ok((p.bound ?? 0) >= Math.sqrt(12));
  });

  it('of convolutions are those of the circular operator on the enlarged grid', async () => {
    const conv = (kernel: Constant, shape: number[], pad: number): FlatGraph => single('Conv', shape, { w: kernel }, { pads: ints(...new Array<number>(2 * (shape.length - 2)).fill(pad)) });
    // T11: zero padding has σ₁ = 2.92387953; on a circle of 9 the values are |2 − cos(2πk/9)|.
    const line = await boundOf(conv({ shape: [1, 1, 3], values: [-0.5, 2, -0.5] }, [1, 1, 7], 1));
    close(line, 2 - Math.cos((8 * Math.PI) / 9), 1e-12);
    assert.ok(line >= 2.92387953);
    // T12, T13.
    close(await boundOf(conv({ shape: [1, 1, 3, 3], values: [1, 2, 1, 2, 4, 2, 1, 2, 1].map((x) => x / 16) }, [1, 1, 5, 5], 1)), 1, 1e-12);
    close(await boundOf(conv({ shape: [1, 1, 3, 3], values: [0, 1, 0, 1, -4, 1, 0, 1, 0] }, [1, 1, 4, 4], 1)), 8, 1e-12);
  });

  it('of convolutions hold with few frequencies too', async () => {
    for (const [kernel, strides, dilations, groups] of [[[3, 3], [1, 1], [1, 1], 1], [[4, 3], [2, 2], [1, 1], 2], [[2, 3], [1, 2], [2, 3], 1]] as const) {
      const inputSize = [11, 12];
      const weights = Float64Array.from(normal(4, 4 / groups, ...kernel).values);
      const shared = { groups, outChannels: 4, inChannels: 4, kernel: [...kernel], strides: [...strides], dilations: [...dilations], weights };
      const exact = await declaredSpectrum({ ...shared, pads: [1, 1, 1, 1], outputPadding: [0, 0], transposed: false, inputSize }, 'norms');
      const whole = await new OperatorNorms(workspace).convolution({ ...shared, imageSize: inputSize, isPadded: true });
      const thinned = await new OperatorNorms(workspace, undefined, 0).convolution({ ...shared, imageSize: inputSize, isPadded: true });
      assert.ok(exact.largest <= whole && whole <= 1.2 * exact.largest, `${exact.largest}, ${whole}`);
      assert.ok(exact.largest <= thinned && thinned > whole && thinned <= 4 * whole, `${exact.largest}, ${thinned}`);
    }
  });

  it('add where branches meet', async () => {
    const constants = { w: { shape: [2, 2], values: [3, 0, 0, 1] } };
    const residual = network([node('MatMul', ['x', 'w'], ['p']), node('Add', ['x', 'p'], ['y'])], { x: [1, 2] }, constants, ['y']);
    close(await boundOf(residual), 4, 1e-12);
    assert.deepEqual(await bounds(network([node('Shape', ['x'], ['s']), node('Cast', ['s'], ['y'], { to: int(1) })], { x: [2] }, {}, ['y']), ['y']), [{ bound: 0, reason: null }]);
  });

  const equal: [string, FlatGraph][] = [
    ['a matrix from the left, for each of a batch', single('MatMul', [2, 3, 4], { w: normal(5, 3) }, {}, ['w', 'x'])],
    ['a batch of matrices that all see x', single('MatMul', [1, 3], { w: { shape: [2, 3, 1], values: [1, 2, 3, 1, 2, 3] } })],
    ['a transposed convolution', single('ConvTranspose', [1, 2, 4, 4], { w: normal(2, 3, 2, 2) }, { strides: ints(2, 2) })],
    ['a convolution with windows side by side', single('Conv', [1, 2, 6], { w: normal(3, 2, 2) }, { strides: ints(2) })],
    ['grouped points', single('Conv', [1, 4, 3, 3], { w: normal(6, 2, 1, 1) }, { group: int(2) })],
    ['a constant that x is multiplied with, broadcast', single('Mul', [2, 1], { c: { shape: [1, 3], values: [4, 4, -4] } })],
    ['a quotient', single('Div', [3], { c: { values: [2, -0.5, 4] } })],
    ['a sum that repeats x', single('Add', [2, 1], { c: normal(2, 3) })],
    ['repeats', single('Expand', [2, 1], { s: integers(2, 5) })],
    ['tiles', single('Tile', [2, 2], { s: integers(2, 3) })],
    ['a concatenation with itself', single('Concat', [3], {}, { axis: int(0) }, ['x', 'x'])],
    ['elements picked more than once', single('Gather', [3], { i: integers(0, 2, 2, -1) })],
    ['padding with the edge', single('Pad', [3], { p: integers(2, 0) }, { mode: text('edge') })],
    ['a sum over an axis', single('ReduceSum', [2, 3], { a: integers(1) })],
    ['a mean over all', single('ReduceMean', [2, 3])],
    ['a mean over the image', single('GlobalAveragePool', [1, 2, 3, 3])],
    ['averages side by side', single('AveragePool', [1, 1, 4, 4], {}, { kernel_shape: ints(2, 2), strides: ints(2, 2) })],
    ['largest elements side by side', single('MaxPool', [1, 1, 4, 4], {}, { kernel_shape: ints(2, 2), strides: ints(2, 2) })],
    ['stored statistics', single('BatchNormalization', [1, 2, 3], { s: { values: [3, -8] }, b: normal(2), m: normal(2), v: { values: [4, 9] } }, { epsilon: float(0) })],
    ['nearest neighbours', single('Resize', [1, 1, 2, 3], { sizes: integers(1, 1, 4, 9) }, { mode: text('nearest') }, ['x', '', '', 'sizes'])],
    ['the larger of x and −x', network([node('Neg', ['x'], ['n']), node('Max', ['x', 'n'], ['m']), node('Concat', ['m', 'm'], ['y'], { axis: int(0) })], { x: [3] }, {}, ['y'])],
  ];
  for (const [name, graph] of equal.slice(0, -1)) {
    it(`of linear operations are their norms: ${name}`, async () => close(await boundOf(graph), await largestSeen(graph, [1])));
  }

  const above: [string, FlatGraph][] = [
    equal[equal.length - 1],
    ['a padded strided dilated convolution', single('Conv', [1, 2, 9, 8], { w: normal(3, 2, 3, 2) }, { strides: ints(2, 1), dilations: ints(1, 2), pads: ints(1, 2, 0, 1) })],
    ['a transposed one with padding', single('ConvTranspose', [1, 2, 5], { w: normal(2, 3, 4) }, { strides: ints(2), pads: ints(1, 2), output_padding: ints(1) })],
    ['overlapping averages', single('AveragePool', [1, 1, 7, 6], {}, { kernel_shape: ints(3, 2), strides: ints(2, 1), pads: ints(1, 1, 1, 0) })],
    ['overlapping averages with the padding counted', single('AveragePool', [1, 1, 7], {}, { kernel_shape: ints(3), strides: ints(2), pads: ints(1, 1), count_include_pad: int(1), ceil_mode: int(1) })],
    ['overlapping largest elements', single('MaxPool', [1, 1, 7, 7], {}, { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) })],
    ['reflected padding', single('Pad', [4], { p: integers(3, 2) }, { mode: text('reflect') })],
    ['softmax', single('Softmax', [2, 3], {}, { axis: int(-1) })],
    ['its logarithm', single('LogSoftmax', [2, 4], {}, { axis: int(-1) })],
    ['layer normalisation', single('LayerNormalization', [2, 5], { g: normal(5), b: normal(5) }, { axis: int(-1), epsilon: float(0.1) })],
    ['instance normalisation', single('InstanceNormalization', [1, 2, 5], { g: normal(2), b: normal(2) }, { epsilon: float(0.1) })],
    ['Euclidean lengths', single('ReduceL2', [2, 3], { a: integers(1) })],
    ['log-sum-exp', single('ReduceLogSumExp', [2, 3], { a: integers(1) })],
    ['a choice', network([node('MatMul', ['x', 'w'], ['p']), node('Greater', ['x', 'p'], ['c']), node('Where', ['c', 'x', 'p'], ['y'])], { x: [1, 3] }, { w: normal(3, 3) }, ['y'])],
    ...(['Elu', 'Selu', 'Celu', 'LeakyRelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Softplus', 'Softsign', 'Erf', 'Sin'] as const).map((name): [string, FlatGraph] => [name, single(name, [40], {}, name === 'Elu' || name === 'LeakyRelu' ? { alpha: float(1.7) } : {})]),
    ['PRelu', single('PRelu', [3, 2], { s: { shape: [3, 1], values: [0.1, -2, 0.3] } })],
    ['FastGelu', single('FastGelu', [40], {}, {}, ['x'], 'com.microsoft')],
    ['QuickGelu', single('QuickGelu', [40], {}, { alpha: float(1.702) }, ['x'], 'com.microsoft')],
    ['a small residual network', residualNetwork()],
  ];
  for (const [name, graph] of above) {
    it(`are above what is seen: ${name}`, async () => {
      const [bound, seen] = [await boundOf(graph), await largestSeen(graph, [0.1, 1, 3])];
      assert.ok(seen > 0 && seen <= bound * (1 + 1e-9), `${seen} above ${bound}`);
    });
  }

  it('are above what is seen in any chain of layers, with residual sums', async () => {
    const steps: Readonly<Record<string, (from: string, to: string) => Node[]>> = {
      dense: (from, to) => [node('MatMul', [from, `w${from}`], [to])],
      relu: (from, to) => [node('Relu', [from], [to])],
      elu: (from, to) => [node('Elu', [from], [to], { alpha: float(1.5) })],
      silu: (from, to) => [node('Sigmoid', [from], [`${to}g`]), node('Mul', [from, `${to}g`], [to])],
      softmax: (from, to) => [node('Softmax', [from], [to])],
      scaled: (from, to) => [node('Mul', [from, 'c'], [to])],
      residual: (from, to) => [node('MatMul', [from, `w${from}`], [`${to}p`]), node('Tanh', [`${to}p`], [`${to}t`]), node('Sub', [from, `${to}t`], [to])],
      mirrored: (from, to) => [node('Neg', [from], [`${to}n`]), node('Max', [`${to}n`, from, 'c'], [to])],
      normalised: (from, to) => [node('LayerNormalization', [from, 'c'], [to], { epsilon: float(0.2) })],
    };
    const names = Object.keys(steps);
    await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 1000 }), async (chosen, seed) => {
      const own = new RandomGenerator(seed);
      const values = ['x', ...chosen.map((_, i) => `v${i}`)];
      const matrices = values.map((name) => [`w${name}`, { shape: [4, 4], values: Array.from({ length: 16 }, () => Math.fround(own.normal())) }] as const);
      const nodes = [...chosen.flatMap((name, i) => steps[name](values[i], values[i + 1])), node('Identity', [values.at(-1) ?? ''], ['y'])];
      const graph = network(nodes, { x: [1, 4] }, { ...Object.fromEntries(matrices), c: { values: [1, -2, 0.5, 3] } }, ['y']);
      const [bound, seen] = [await boundOf(graph), await largestSeen(graph, [0.3, 2])];
      assert.ok(seen <= bound * (1 + 1e-9), `${seen} above ${bound}`);
    }), { numRuns: 15, seed: 1 });
  });

  it('of functions of each element are the largest slopes', () => {
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const erf = (x: number): number => {
      let [sum, term] = [x, x];
      for (let n = 1; n < 100; n++) sum += (term *= (-x * x) / n) / (2 * n + 1);
      return (2 / Math.sqrt(Math.PI)) * sum;
    };
    const slopes: [(x: number) => number, number][] = [
      [(x) => x * sigmoid(x), swishSlope],
      [(x) => (x / 2) * (1 + erf(x / Math.SQRT2)), geluSlope],
      [(x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), geluTanhSlope],
      [(x) => x * Math.tanh(Math.log1p(Math.exp(x))), mishSlope],
    ];
    for (const [f, slope] of slopes) {
      let largest = 0;
      for (let x = -4; x <= 4; x += 1e-4) largest = Math.max(largest, Math.abs(f(x + 1e-4) - f(x - 1e-4)) / 2e-4);
      assert.ok(largest <= slope && largest >= slope - 2e-8, `${largest} for ${slope}`);
    }
  });
});

/** Convolution, normalisation, ReLU, a residual sum, pooling and a dense layer. */
function residualNetwork(): FlatGraph {
  const nodes = [
    node('Conv', ['x', 'k0', 'b3'], ['c0'], { pads: ints(1, 1, 1, 1) }), node('BatchNormalization', ['c0', 's', 'b3', 'b3', 'v'], ['n0']), node('Relu', ['n0'], ['r0']),
    node('Conv', ['r0', 'k1'], ['c1'], { pads: ints(1, 1, 1, 1) }), node('Add', ['c1', 'r0'], ['a']), node('LeakyRelu', ['a'], ['r1']),
    node('MaxPool', ['r1'], ['p'], { kernel_shape: ints(3, 3), strides: ints(2, 2) }), node('Flatten', ['p'], ['f']), node('Gemm', ['f', 'w'], ['y'], { transB: int(1) }),
  ];
  const constants = { k0: normal(3, 2, 3, 3), k1: normal(3, 3, 3, 3), b3: normal(3), s: normal(3), v: { values: [1, 2, 3] }, w: normal(4, 12) };
  return network(nodes, { x: [1, 2, 5, 5] }, constants, ['y']);
}

describe('bounds of products of a value and a gate of it', () => {
  const gated = (nodes: readonly Node[], constants: Readonly<Record<string, Constant>> = {}): FlatGraph => network(nodes, { x: [40] }, { half: one(0.5), one: one(1), three: one(3), zero: one(0), six: one(6), root: one(Math.SQRT2), ...constants }, ['y']);
  const erfGate = [node('Div', ['x', 'root'], ['d']), node('Erf', ['d'], ['e']), node('Add', ['e', 'one'], ['g'])];
  const tanhGate = [node('Pow', ['x', 'three'], ['q']), node('Mul', ['q', 'cubic'], ['c']), node('Add', ['x', 'c'], ['s']), node('Mul', ['s', 'scale'], ['m']), node('Tanh', ['m'], ['t']), node('Add', ['t', 'one'], ['g'])];
  const tanhConstants = { cubic: one(Math.fround(0.044715)), scale: one(Math.fround(Math.sqrt(2 / Math.PI))) };
  const known: [string, FlatGraph, number][] = [
    ['SiLU', gated([node('Sigmoid', ['x'], ['g']), node('Mul', ['x', 'g'], ['y'])]), swishSlope],
    ['x·σ(3x)', gated([node('Mul', ['three', 'x'], ['k']), node('Sigmoid', ['k'], ['g']), node('Mul', ['g', 'x'], ['y'])]), swishSlope],
    ['GELU, halved at the end', gated([...erfGate, node('Mul', ['x', 'g'], ['p']), node('Mul', ['p', 'half'], ['y'])]), geluSlope],
    ['GELU, halved first', gated([node('Mul', ['x', 'half'], ['h']), ...erfGate, node('Mul', ['h', 'g'], ['y'])]), geluSlope],
    ['GELU, its gate halved', gated([...erfGate, node('Mul', ['g', 'half'], ['h']), node('Mul', ['x', 'h'], ['y'])]), geluSlope],
    ['GELU with tanh', gated([node('Mul', ['x', 'half'], ['h']), ...tanhGate, node('Mul', ['h', 'g'], ['y'])], tanhConstants), geluTanhSlope],
    ['hard swish', gated([node('Add', ['x', 'three'], ['s']), node('Clip', ['s', 'zero', 'six'], ['g']), node('Mul', ['x', 'g'], ['p']), node('Div', ['p', 'six'], ['y'])]), 1.5],
    ['x times its hard sigmoid', gated([node('HardSigmoid', ['x'], ['g'], { alpha: float(1 / 6), beta: float(0.5) }), node('Mul', ['x', 'g'], ['y'])]), 1.5],
    ['Mish', gated([node('Softplus', ['x'], ['s']), node('Tanh', ['s'], ['g']), node('Mul', ['x', 'g'], ['y'])]), mishSlope],
  ];
  for (const [name, graph, slope] of known) {
    it(`${name} is bounded by its slope`, async () => {
      close(await boundOf(graph), slope, 2e-5);
      assert.ok((await largestSeen(graph, [1, 2])) <= (await boundOf(graph)));
    });
  }

  it('are none of gates of another value, or of another function', async () => {
    const sentence = (which: string) => `${which} multiplies two values that depend on the input, which has no Lipschitz constant over all inputs.`;
    const graph = gated([node('Softplus', ['x'], ['s']), node('Sigmoid', ['s'], ['g']), { ...node('Mul', ['x', 'g'], ['y']), name: '/gate/Mul' }]);
    assert.equal(await reasonFor(graph), sentence('Mul (/gate/Mul)'));
    assert.equal(await reasonFor(gated([node('Mul', ['x', 'x'], ['y'])])), sentence('Mul (which makes y)'));
    assert.equal(await reasonFor(gated([...tanhGate, node('Mul', ['x', 'g'], ['y'])], { ...tanhConstants, cubic: one(0.05) })), 'Pow (which makes q) has no Lipschitz constant over all inputs.');
  });
});

describe('bounds that do not exist', () => {
  /** Counts matrices whose norms are asked for. */
  class CountedNorms extends OperatorNorms {
    asked = 0;
    override dense(...of: Parameters<OperatorNorms['dense']>): Promise<number> {
      this.asked++;
      return super.dense(...of);
    }
  }
  const constants = { w: normal(3, 3), three: one(3) };

  it('say why, once for all that follows, for which no norm is computed', async () => {
    const norms = new CountedNorms(workspace);
    const nodes = [node('MatMul', ['x', 'w'], ['p']), node('MatMul', ['p', 'w'], ['q']), { ...node('Exp', ['q'], ['e']), name: '/exp' }, node('MatMul', ['e', 'w2'], ['r']), node('Add', ['r', 'p'], ['y'])];
    const found = await bounds(network(nodes, { x: [1, 3] }, { ...constants, w2: normal(3, 3) }, ['y']), ['q', 'e', 'y'], norms);
    assert.ok((found[0].bound ?? 0) > 0);
    for (const { bound, reason } of found.slice(1)) assert.deepEqual([bound, reason], [null, 'Exp (/exp) has no Lipschitz constant over all inputs.']);
    // The matrix that is used twice, once.
    assert.equal(norms.asked, 1);
  });

  it('name the operation', async () => {
    const sentences: [FlatGraph, string][] = [
      [single('Div', [2], { one: one(1) }, {}, ['one', 'x']), 'Div (which makes y) divides by a value that depends on the input, which has no Lipschitz constant over all inputs.'],
      [network([node('MatMul', ['x', 't'], ['y']), node('Transpose', ['x'], ['t'])].reverse(), { x: [2, 3] }, {}, ['y']), 'MatMul (which makes y) multiplies two values that depend on the input, which has no Lipschitz constant over all inputs.'],
      [single('QuantizeLinear', [2], { s: one(0.5), z: { shape: [], values: [0], dtype: 'uint8' } }), 'QuantizeLinear (which makes y) rounds, which has no Lipschitz constant.'],
      [single('LRN', [1, 2, 3, 3], {}, { size: int(3) }), 'LRN (which makes y) has no Lipschitz constant that is known here.'],
      [network([node('Mul', ['x', 'z'], ['y'])], { x: [2], z: [2] }, {}, ['y']), 'Mul (which makes y) takes its input 1 (z) from the data, so that its Lipschitz constant is not known.'],
      [single('LayerNormalization', [2, 5], { g: normal(5) }, { epsilon: float(0) }), 'LayerNormalization (which makes y) adds no epsilon to the variance, without which it has no Lipschitz constant.'],
    ];
    for (const [graph, sentence] of sentences) assert.equal(await reasonFor(graph), sentence);
    assert.match((await reasonFor(single('MatMul', [1, 1], { w: { shape: [1, 1], values: [NaN] } }))) ?? '', /^MatMul/);
  });

  it('end with the signal', async () => {
    const reason = new Error('stopped');
    await assert.rejects(bounds(network([node('MatMul', ['x', 'w'], ['y'])], { x: [1, 3] }, constants, ['y']), ['y'], new OperatorNorms(workspace, AbortSignal.abort(reason))), reason);
  });
});

describeShared('bounds in shared networks', () => {
  async function found(file: string, input: string, values: readonly string[] | null): Promise<Map<string, ValueBound>> {
    const graph = await importGraph(await openModelFile(sharedData('onnx_cifar', file)));
    const shape = [1, 3, 32, 32];
    const shaped = (await probe(graph, { [input]: { dtype: 'float32', shape, elements: new Float32Array(3 * 32 * 32).fill(0.1) } })).graph;
    return jacobianBounds(shaped, input, values ?? graph.outputs, new OperatorNorms(workspace));
  }

  it('resnet_2b: those that NumPy finds, of every layer', async () => {
    const expected = Object.entries(reference as Record<string, number>);
    const bounds = await found('resnet_2b.onnx', 'input.1', expected.map(([name]) => name));
    for (const [name, value] of expected) close(bounds.get(name)?.bound ?? NaN, value, 1e-9);
    assert.equal(expected.length, 8);
  });

  it('a vision transformer has none, because of its attention', async () => {
    const [{ bound, reason }] = (await found('pgd_2_3_16.onnx', 'input', null)).values();
    assert.equal(bound, null);
    assert.match(reason, /^MatMul \(.*\) multiplies two values that depend on the input/);
  });
});
