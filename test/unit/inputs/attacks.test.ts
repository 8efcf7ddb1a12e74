import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { SampleDerivatives } from '../../../server/derivatives/sampleDerivatives.js';
import { openModelFile } from '../../../server/formats/open.js';
import { accuracy } from '../../../server/inputs/accuracy.js';
import { attackedNetwork, type AttackedNetwork } from '../../../server/inputs/attacks/attackedNetwork.js';
import { perturbationNorms, setPerturbed, uniformInBall, uniformOnSphere, type AttackNorm, type Ball } from '../../../server/inputs/attacks/ball.js';
import { deepFoolAttack } from '../../../server/inputs/attacks/deepFool.js';
import { fastGradientAttack, projectedGradientAttack, randomAttack } from '../../../server/inputs/attacks/gradientAttack.js';
import { attackLoss, type AttackLoss } from '../../../server/inputs/attacks/losses.js';
import { modelInput, networkSamples } from '../../../server/inputs/feeds.js';
import { prepareInputs } from '../../../server/inputs/prepare.js';
import { parsePreprocess } from '../../../server/inputs/preprocess.js';
import { readInputs } from '../../../server/inputs/readInputs.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { pseudoRandom } from '../../support/models.js';

interface Reference {
  gradients: Record<AttackLoss, number[][]>;
  accuracies: { epsilon: number; fgsm: number; pgd: number }[];
}
const reference = JSON.parse(readFileSync('test/fixtures/attacks.json', 'utf8')) as Reference;
const norms: AttackNorm[] = ['linf', 'l2'];
const everywhere = { low: -1e6, high: 1e6 };
const rows = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

interface Sample {
  network: AttackedNetwork;
  clean: Float32Array;
  labels: number[];
  release: () => Promise<void>;
}

/** The first inputs of the sample workspace and its plain network. */
async function sampleNetwork(n: number, precision: 'float32' | 'float64', preprocess = 'x/255'): Promise<Sample> {
  const file = await openModelFile('samples/models/plain.onnx');
  const read = await readInputs('samples/inputs/clean.npz', { modelInputs: file.inputs });
  const prepared = prepareInputs(read, { preprocessing: parsePreprocess(preprocess) });
  const width = prepared.inputSpace.length / prepared.n;
  const clean = Float32Array.from(prepared.inputSpace.subarray(0, n * width));
  const samples = networkSamples(file.inputs, n, new Map([['image', modelInput({ ...prepared, n, shape: [n, 1, 16, 16], inputSpace: clean })]]));
  const derivatives = await SampleDerivatives.create({ ...(await importGraph(file)), outputs: ['logits'] }, samples, { of: 'logits', by: 'image', precision, threads: 1 });
  const network = attackedNetwork({ derivatives, samples, variable: 'image', logits: 'logits', scaling: prepared.scaling, precision, signal: new AbortController().signal });
  return { network, clean, labels: (read.labels ?? []).slice(0, n), release: () => derivatives.release() };
}

/** z = W·x + b, whose derivatives are known. */
function affine(weights: Float32Array, bias: readonly number[]): AttackedNetwork {
  const classes = bias.length;
  const width = weights.length / classes;
  return {
    classes,
    width,
    logits: (inputs, places) => Promise.resolve(Float64Array.from({ length: places.length * classes }, (_, i) => {
      const [row, k] = [Math.floor(i / classes), i % classes];
      return bias[k] + rows(width).reduce((sum, j) => sum + weights[k * width + j] * inputs[row * width + j], 0);
    })),
    gradients: (_, places, cotangents) => Promise.resolve(Float64Array.from({ length: places.length * width }, (__, i) => {
      const [row, j] = [Math.floor(i / width), i % width];
      return rows(classes).reduce((sum, k) => sum + weights[k * width + j] * cotangents[row * classes + k], 0);
    })),
    jacobians: (_, places, each) => {
      for (const row of places.keys()) each(row, Float64Array.from(weights));
      return Promise.resolve();
    },
  };
}

describe('attacks', function () {
  this.timeout(20_000);

  it('keep perturbed inputs within the ball and the range, in float32', () => {
    const number = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(...norms), fc.double({ min: 0, max: 2, noNaN: true }), fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 12 }), (norm, epsilon, pairs) => {
        const range = { low: Math.fround(-2.1), high: Math.fround(2.3) };
        const clean = Float32Array.from(pairs, ([x]) => Math.min(Math.max(Math.fround(x), range.low), range.high));
        const perturbed = new Float32Array(clean.length);
        setPerturbed(perturbed, clean, Float64Array.from(pairs, ([, change]) => change), { norm, epsilon, range });
        assert.ok(perturbed.every((x) => x >= range.low && x <= range.high));
        if (norm === 'linf') assert.ok(perturbed.every((x, i) => Math.abs(x - clean[i]) <= epsilon && Math.fround(Math.abs(x - clean[i])) <= epsilon));
        else assert.ok(perturbationNorms(perturbed, clean, 1, norm)[0] <= epsilon * (1 + 1e-15));
      }),
    );
    // A perturbation that needs no limit stays as it is.
    const free = new Float32Array(2);
    setPerturbed(free, Float32Array.of(0.5, 0.25), Float64Array.of(0.125, -0.5), { norm: 'l2', epsilon: 1, range: everywhere });
    assert.deepEqual([...free], [0.625, -0.25]);
  });

  it('draw from the ball and its sphere as they say', () => {
    const random = new RandomGenerator(3);
    const delta = new Float64Array(3);
    const ball = (norm: AttackNorm): Ball => ({ norm, epsilon: 2, range: everywhere });
    const inside: Record<AttackNorm, number[]> = { linf: [], l2: [] };
    for (let draw = 0; draw < 4000; draw++) {
      uniformOnSphere(delta, ball('linf'), random);
      assert.ok(delta.every((x) => Math.abs(x) === 2));
      uniformOnSphere(delta, ball('l2'), random);
      assert.ok(Math.abs(Math.hypot(...delta) - 2) < 1e-12);
      uniformInBall(delta, ball('l2'), random);
      inside.l2.push(Math.hypot(...delta));
      uniformInBall(delta, ball('linf'), random);
      inside.linf.push(Math.max(...delta.map(Math.abs)));
    }
    // Of both balls (1/2)³ of the volume lies within half the radius; three standard deviations of 4,000 draws.
    for (const norm of norms) {
      const share = inside[norm].filter((radius) => radius < 1).length / 4000;
      assert.ok(Math.abs(share - 1 / 8) < 3 * Math.sqrt((1 / 8) * (7 / 8) / 4000), `${norm}: ${share}`);
      assert.ok(inside[norm].every((radius) => radius <= 2));
    }
  });

  it('know both losses and their slopes, also where the network is sure', () => {
    const logits = Float64Array.of(1, 2, 0.5, 1000, 0, -5);
    const { values, cotangents } = attackLoss('cross-entropy', logits, 3, [0, 0]);
    const sum = Math.exp(1) + Math.exp(2) + Math.exp(0.5);
    assert.ok(Math.abs(values[0] - (Math.log(sum) - 1)) < 1e-14);
    assert.equal(values[1], 0);
    const softmax = [1, 2, 0.5].map((z) => Math.exp(z) / sum);
    const scale = softmax[1] + softmax[2];
    [-1, softmax[1] / scale, softmax[2] / scale].forEach((expected, k) => assert.ok(Math.abs(cotangents[k] - expected) < 1e-14));
    [-1, 1 / (1 + Math.exp(-5)), 1 / (1 + Math.exp(5))].forEach((expected, k) => assert.ok(Math.abs(cotangents[3 + k] - expected) < 1e-14));
    const margin = attackLoss('margin', logits, 3, [1, 0]);
    assert.deepEqual([...margin.values], [-1, -1000]);
    assert.deepEqual([...margin.cotangents], [1, -1, 0, -1, 1, 0]);
  });

  for (const [precision, tolerance] of [['float64', 1e-7], ['float32', 1e-4]] as const) {
    it(`rise along PyTorch's gradients in float64: ${precision}`, async () => {
      const { network, clean, labels, release } = await sampleNetwork(4, precision);
      for (const loss of ['cross-entropy', 'margin'] as const) {
        const { cotangents } = attackLoss(loss, await network.logits(clean, rows(4)), network.classes, labels);
        const gradients = await network.gradients(clean, rows(4), cotangents);
        for (const [row, expected] of reference.gradients[loss].entries()) {
          const found = gradients.subarray(row * network.width, (row + 1) * network.width);
          // The length of the gradient means nothing: the slope is divided by its largest entry.
          const largest = Math.max(...expected.map(Math.abs));
          const length = Math.max(...found.map(Math.abs));
          expected.forEach((slope, i) => assert.ok(Math.abs(slope / largest - found[i] / length) < tolerance, `${loss} ${row} ${i}: ${slope / largest}, ${found[i] / length}`));
          expected.forEach((slope, i) => assert.ok(Math.abs(slope) < tolerance * largest || Math.sign(slope) === Math.sign(found[i])));
        }
      }
      await release();
    });
  }

  it('take derivatives by the input before mean and std', async () => {
    const [plain, scaled] = [await sampleNetwork(2, 'float64'), await sampleNetwork(2, 'float64', 'x/255 mean=0.25 std=0.5')];
    const cotangents = Float64Array.from(pseudoRandom(20));
    // 2·(u − 1/4) is exact for these.
    const inputs = Float32Array.from({ length: 512 }, (_, i) => ((i * 37) % 256) / 256);
    const standardised = inputs.map((u) => 2 * (u - 0.25));
    const [expected, found] = [await plain.network.gradients(standardised, [0, 1], cotangents), await scaled.network.gradients(inputs, [0, 1], cotangents)];
    assert.ok(expected.some((x) => x !== 0));
    found.forEach((x, i) => assert.ok(Math.abs(x - 2 * expected[i]) < 1e-12));
    const jacobians: Float64Array[] = [];
    await scaled.network.jacobians(inputs, [0, 1], (_, jacobian) => void jacobians.push(jacobian));
    for (let i = 0; i < 512; i++) {
      const [row, j] = [Math.floor(i / 256), i % 256];
      const product = rows(10).reduce((sum, k) => sum + jacobians[row][k * 256 + j] * cotangents[row * 10 + k], 0);
      assert.ok(Math.abs(product - found[i]) < 1e-12);
    }
    await plain.release();
    await scaled.release();
  });

  it("reach PyTorch's accuracies on the sample network", async () => {
    const { network, clean, labels, release } = await sampleNetwork(200, 'float32');
    const after = async (x: Float32Array): Promise<number> => accuracy(await network.logits(x, rows(200)), network.classes, labels);
    const { epsilon, fgsm, pgd } = reference.accuracies[1];
    const inputs = { clean, targets: labels, ball: { norm: 'linf', epsilon, range: { low: 0, high: 1 } } } as const;
    const single = await after(await fastGradientAttack(network, inputs, { steps: 1, stepSize: epsilon, loss: 'cross-entropy' }));
    // One of 200 may lie on the boundary.
    assert.ok(200 * Math.abs(single - fgsm) < 1.5, `FGSM ${single}, by PyTorch ${fgsm}`);
    const course = { steps: 20, stepSize: epsilon / 10, restarts: 1, loss: 'cross-entropy', random: new RandomGenerator(1) } as const;
    const many = await after(await projectedGradientAttack(network, inputs, course));
    assert.ok(200 * Math.abs(many - pgd) < 4.5, `PGD ${many}, by PyTorch ${pgd}`);
    await release();
  });

  it('find the exact distance to the nearest boundary of an affine classifier by DeepFool', async () => {
    const [classes, width, n] = [5, 12, 20];
    const weights = pseudoRandom(classes * width, 7);
    const network = affine(weights, [0.1, -0.2, 0.3, 0, -0.1]);
    const clean = pseudoRandom(n * width, 8);
    const logits = await network.logits(clean, rows(n));
    const targets = rows(n).map((row) => rows(classes).reduce((best, k) => (logits[row * classes + k] > logits[row * classes + best] ? k : best), 0));
    for (const norm of norms) {
      const perturbed = await deepFoolAttack(network, { clean, targets, ball: { norm, epsilon: 100, range: everywhere } }, 50);
      assert.equal(accuracy(await network.logits(perturbed, rows(n)), classes, targets), 0);
      const found = perturbationNorms(perturbed, clean, n, norm);
      targets.forEach((target, row) => {
        const distances = rows(classes).filter((k) => k !== target).map((k) => {
          const difference = rows(width).map((j) => weights[k * width + j] - weights[target * width + j]);
          const dual = norm === 'l2' ? Math.hypot(...difference) : difference.reduce((sum, x) => sum + Math.abs(x), 0);
          return Math.abs(logits[row * classes + k] - logits[row * classes + target]) / dual;
        });
        const distance = Math.min(...distances);
        assert.ok(Math.abs(found[row] / (1.02 * distance) - 1) < 1e-5, `${norm} ${row}: ${found[row]}, ${distance}`);
      });
      // Within a range and a smaller ball.
      const range = { low: -1, high: 1 };
      const bounded = await deepFoolAttack(network, { clean, targets, ball: { norm, epsilon: 100, range } }, 50);
      assert.ok(bounded.every((x) => x >= range.low && x <= range.high));
      const epsilon = Math.max(...found) / 2;
      const limited = await deepFoolAttack(network, { clean, targets, ball: { norm, epsilon, range: everywhere } }, 50);
      assert.ok(perturbationNorms(limited, clean, n, norm).every((length) => length <= epsilon * (1 + 1e-12)));
      const right = accuracy(await network.logits(limited, rows(n)), classes, targets);
      assert.equal(right, found.filter((length) => length > epsilon).length / n);
    }
  });

  it('leave what is misclassified to DeepFool as it is', async () => {
    const network = affine(Float32Array.of(1, 0, 0, 1), [0, 0]);
    const clean = Float32Array.of(1, 0, 0, 1);
    const perturbed = await deepFoolAttack(network, { clean, targets: [1, 1], ball: { norm: 'l2', epsilon: 10, range: everywhere } }, 50);
    assert.deepEqual([...perturbed.subarray(0, 2)], [1, 0]);
    assert.ok(perturbed[2] > perturbed[3]);
  });

  it('start anew only where no earlier start succeeded, and keep the best point', async () => {
    // Without a slope only the random start can succeed: in the last quarter of the first coordinate.
    const asked: number[] = [];
    const stairs: AttackedNetwork = {
      classes: 2,
      width: 1,
      logits: (inputs, places) => {
        asked.push(places.length);
        return Promise.resolve(Float64Array.from({ length: 2 * places.length }, (_, i) => (i % 2 === 0 ? 0 : inputs[i >> 1] > 0.5 ? 1 : -1)));
      },
      gradients: (_, places) => Promise.resolve(new Float64Array(places.length)),
      jacobians: () => Promise.resolve(),
    };
    const n = 64;
    const inputs = { clean: new Float32Array(n), targets: rows(n).map(() => 0), ball: { norm: 'linf', epsilon: 1, range: everywhere } } as const;
    const course = { steps: 1, stepSize: 0.1, loss: 'cross-entropy' } as const;
    const once = await projectedGradientAttack(stairs, inputs, { ...course, restarts: 1, random: new RandomGenerator(0) });
    const succeeded = once.filter((x) => x > 0.5).length;
    assert.ok(succeeded > 0 && succeeded < n / 2);
    asked.length = 0;
    const often = await projectedGradientAttack(stairs, inputs, { ...course, restarts: 100, random: new RandomGenerator(0) });
    assert.ok(often.every((x) => x > 0.5));
    assert.deepEqual(asked.slice(0, 4), [n, n, n - succeeded, n - succeeded]);
    // Noise without a slope succeeds where the sign is right.
    const noise = await randomAttack(stairs, inputs, { restarts: 20, loss: 'margin', random: new RandomGenerator(0) });
    assert.ok(noise.every((x) => x === 1));
  });
});
