import assert from 'node:assert/strict';
import { embeddedJacobians, jacobianDetailOf } from '../../../server/report/jacobianDetail.js';
import { jacobianOverviewOf, jacobianRowOf, rowContext } from '../../../server/report/jacobianView.js';
import { maximumInputs, type JacobianOverview } from '../../../server/report/jacobianViews.js';
import { overviewOf } from '../../../server/report/overview.js';
import { quantileOf } from '../../../server/report/sampleQuantiles.js';
import { inputsOf, jacobiansOf, layerJacobians, smallNetwork, spectraOf } from '../../support/jacobianNetworks.js';
import { smallClassifier } from '../../support/oddReports.js';

const choice = { layer: null, call: 0, kind: 'inputToLayer', input: null } as const;

function overviewOfSmall(change: (network: ReturnType<typeof smallNetwork>) => void = () => undefined): JacobianOverview {
  const network = smallNetwork();
  change(network);
  const overview = jacobianOverviewOf({ ...network, skipped: [] });
  assert.ok(overview);
  return overview;
}

describe('view of Jacobians', () => {
  it('answers with the largest and median stretch, the layer inside, and the bound beside what was seen', () => {
    const { answer } = overviewOfSmall();
    assert.equal(answer.verdict, 'The network stretches its inputs at most 3.000-fold (input 17); median 2.000.');
    assert.equal(answer.rest, 'The largest stretch inside is 6.000, at conv1.');
    assert.equal(answer.basis, 'Spectral norm of the exact Jacobian at 3 inputs, in units of the preprocessed tensor. The proven bound for every input is 30.00: 10.0 × what was seen.');
  });

  it('marks every number of synthetic inputs, and those that are no direct decomposition', () => {
    const synthetic = overviewOfSmall(({ inputs }) => Object.assign(inputs, { source: 'synthetic', file: null, preprocessing: 'none' }));
    assert.equal(synthetic.answer.verdict, 'The network stretches its inputs at most ≈ 3.000-fold (input 17); median ≈ 2.000.');
    assert.match(synthetic.answer.rest, /is ≈ 6\.000,/);
    assert.match(synthetic.answer.basis, /at 3 random inputs \(seed 0\), in units of the tensor that is fed to the graph\./);
    const estimated = overviewOfSmall(({ jacobians }) => Object.assign(jacobians.output ?? {}, { exact: false, relativeError: 3.2e-6 }));
    assert.match(estimated.answer.verdict, /at most ≈ 3\.000-fold/);
    assert.match(estimated.answer.basis, /the Jacobian \(≈ to 3\.2 × 10⁻⁶\)/);
  });

  it('says in words what cannot be a ratio: a constant output, one input, a bound that is reached or not known', () => {
    const constant = overviewOfSmall(({ jacobians }) => (jacobians.output = spectraOf([[0], [0], [0]])));
    assert.equal(constant.answer.verdict, 'The output does not change with the input: its Jacobian is 0 at all 3 inputs.');
    assert.match(constant.answer.basis, /The proven bound for every input is 30\.00\.$/);
    const reached = overviewOfSmall(({ jacobians }) => (jacobians.layers[3].bound = 3.01));
    assert.match(reached.answer.basis, /is 3\.010, which was reached\.$/);
    const unknown = overviewOfSmall(({ jacobians }) => Object.assign(jacobians.layers[3], { bound: null, boundReason: 'Softplus has no known constant.' }));
    assert.match(unknown.answer.basis, /There is no proven bound for every input: Softplus has no known constant\.$/);
    const one = jacobianOverviewOf({ inputs: inputsOf([4]), jacobians: jacobiansOf([4], spectraOf([[2]]), []), skipped: [] });
    assert.equal(one?.answer.verdict, 'The network stretches input 4 at most 2.000-fold.');
  });

  it('orders inputs by the stretch of the output, and keeps right and wrong apart', () => {
    const { samples, inputs } = overviewOfSmall(({ jacobians }) => (jacobians.output = spectraOf([[3], [1], [2]])));
    assert.deepEqual(samples.index, [10, 12, 17]);
    assert.deepEqual(samples.order, [1, 2, 0]);
    assert.deepEqual(samples.label, [0, 2, 7]);
    assert.deepEqual(samples.prediction, [0, 2, 8]);
    assert.equal(inputs.sampled, 3);
    assert.equal(inputs.n, 500);
  });

  it('has one row for each use of a layer, with quantiles, isometry and the reason of what is missing', () => {
    const { rows } = overviewOfSmall();
    assert.deepEqual(rows.map((row) => row.label), ['conv1', 'shared (call 1)', 'shared (call 2)', 'fc']);
    const [conv, , second, fc] = rows;
    const stretch = conv.stretch.inputToLayer;
    assert.ok(stretch);
    assert.equal(stretch.largest, 6);
    assert.equal(stretch.largestInput, 10);
    assert.equal(stretch.smallest, 4);
    assert.equal(stretch.q50, 5);
    assert.deepEqual(stretch.values, [6, 4, 5]);
    // σ = (5, 1) has mean ln σ = ½ ln 5 and deviation ½ ln 5; 5 is the median input.
    assert.ok(stretch.isometry);
    assert.ok(Math.abs(stretch.isometry.mean - Math.log(5) / 2) < 1e-12);
    assert.ok(Math.abs(stretch.isometry.deviation - Math.log(5) / 2) < 1e-12);
    assert.equal(second.stretch.inputToLayer?.isometry, null);
    assert.equal(conv.reasons.inputToLayer, null);
    assert.match(fc.reasons.layerToOutput ?? '', /does not depend on this layer/);
  });

  it('withholds every number when the self-check fails, and says why', () => {
    const network = smallNetwork();
    network.jacobians.selfCheck.passed = false;
    const reason = 'The derivatives differ by 0.3 (limit 1e-4).';
    const overview = jacobianOverviewOf({ ...network, skipped: [{ analysis: 'jacobian', reason }] });
    assert.equal(overview?.state, 'withheld');
    assert.equal(overview.answer.verdict, 'The Jacobians of this model are withheld.');
    assert.equal(overview.answer.rest, reason);
    assert.deepEqual(overview.rows, []);
    assert.equal(overview.output, null);
    assert.doesNotMatch(JSON.stringify(overview), /"largest"/);
    assert.equal(jacobianDetailOf({ ...network, skipped: [] }, choice), null);
    assert.deepEqual(embeddedJacobians({ ...network, skipped: [] }), []);
  });

  it('withholds the answer for the whole network when the run was cut off', () => {
    const overview = jacobianOverviewOf({ ...smallNetwork(), skipped: [] }, 'cancelled');
    assert.equal(overview?.answer.verdict, 'Cancelled after 4 of 4 layers.');
    assert.equal(overview.rows.length, 4);
  });

  it('keeps the layers that a cut-off run did not reach as rows without numbers, and counts them', () => {
    const { inputs, jacobians } = smallNetwork();
    const reached = { ...jacobians, layers: [jacobians.layers[0], jacobians.layers[2]] };
    const overview = jacobianOverviewOf({ inputs, jacobians: reached, skipped: [] }, 'cancelled', jacobians.layers);
    assert.equal(overview?.answer.verdict, 'Cancelled after 2 of 4 layers.');
    assert.deepEqual(overview.rows.map(({ label, state }) => [label, state]), [['conv1', 'done'], ['shared (call 1)', 'pending'], ['shared (call 2)', 'done'], ['fc', 'pending']]);
  });

  it('fills a pending overview with the same rows that the whole one has', () => {
    const { inputs, jacobians } = smallNetwork();
    const pending = jacobianOverviewOf({ inputs, jacobians: { ...jacobians, output: null, layers: [] }, skipped: [] }, 'running', jacobians.layers);
    assert.ok(pending);
    assert.equal(pending.outputReason, null);
    assert.equal(pending.answer.verdict, '0 of 4 layers done.');
    assert.ok(pending.rows.every((row) => row.state === 'pending' && row.stretch.inputToLayer === null));
    const context = rowContext(jacobians.inputIndices, jacobians.layers, []);
    assert.deepEqual(jacobians.layers.map((layer) => jacobianRowOf(layer, context)), jacobianOverviewOf({ inputs, jacobians, skipped: [] })?.rows);
    assert.deepEqual(pending.rows.map((row) => row.label), ['conv1', 'shared (call 1)', 'shared (call 2)', 'fc']);
  });

  it('holds no more inputs one by one than can be drawn, both ends of the order among them', () => {
    const n = 5001;
    const indices = Array.from({ length: n }, (_, i) => 2 * i);
    const values = indices.map((_, i) => [1 + ((i * 37) % n)]);
    const overview = jacobianOverviewOf({ inputs: inputsOf(indices), jacobians: jacobiansOf(indices, spectraOf(values), [layerJacobians({ layer: 'a', inputToLayer: spectraOf(values) })]), skipped: [] });
    assert.ok(overview?.output);
    const { samples, output, rows } = overview;
    assert.equal(samples.index.length, maximumInputs);
    assert.equal(rows[0].stretch.inputToLayer?.values.length, maximumInputs);
    assert.equal(overview.inputs.sampled, n);
    assert.deepEqual([...samples.index].sort((a, b) => a - b), samples.index);
    const ordered = samples.order.map((position) => output.values[position]);
    assert.equal(new Set(samples.order).size, maximumInputs);
    assert.deepEqual([...ordered].sort((a, b) => a - b), ordered);
    assert.equal(ordered[0], 1);
    assert.equal(ordered.at(-1), n);
    assert.equal(output.largest, n);
  });

  it('is part of the overview of a report, and absent where the report holds none', () => {
    const report = { ...smallClassifier(), ...smallNetwork() };
    assert.equal(overviewOf(report, 'model.onnx', 'savedReport', 'done').jacobians?.rows.length, 4);
    assert.equal(overviewOf(smallClassifier(), 'model.onnx', 'savedReport', 'done').jacobians, null);
  });
});

describe('spectrum of one Jacobian', () => {
  const network = { ...smallNetwork(), skipped: [] };

  it('has quantile curves, the curve of the asked input and medians of the measures', () => {
    const detail = jacobianDetailOf(network, { ...choice, input: 17 });
    assert.deepEqual(detail?.k, [1, 2, 3]);
    assert.deepEqual(detail.q50, [2, 1, 1e-9]);
    assert.deepEqual(detail.input, { index: 17, values: [3, 1.5, 2e-9] });
    const volume = detail.measures.find((measure) => measure.field === 'logVolume');
    assert.ok(volume?.q50 !== null && volume?.q50 !== undefined && Math.abs(volume.q50 - Math.log(2)) < 1e-12);
    assert.equal(volume.n, 3);
    assert.equal(detail.measures.find((measure) => measure.field === 'effectiveRank')?.q50, null);
  });

  it('tells null directions in words', () => {
    assert.equal(jacobianDetailOf(network, choice)?.nullDirections, 'σ₃ is null at every input (largest 2.0 × 10⁻⁹, below the tolerance of the numerical rank).');
    const words = (ranks: number[]): string | null | undefined => jacobianDetailOf({ inputs: inputsOf([0, 1]), jacobians: jacobiansOf([0, 1], spectraOf([[2, 1, 0, 0], [2, 1, 0, 0]], { ranks }), []), skipped: [] }, choice)?.nullDirections;
    assert.equal(words([2, 2]), 'The last 2 of 4 directions are null at every input (largest 0, below the tolerance of the numerical rank).');
    assert.equal(words([4, 3]), 'Up to 1 of 4 directions are null, by input: median 0.5.');
    assert.equal(words([3, 1]), '1 to 3 of 4 directions are null, by input: median 2.');
    assert.equal(words([4, 4]), null);
    assert.equal(words([0, 0]), 'This Jacobian is 0 at every input.');
  });

  it('answers null for what the report does not hold', () => {
    assert.equal(jacobianDetailOf(network, { ...choice, layer: 'fc', kind: 'layerToOutput' }), null);
    assert.equal(jacobianDetailOf(network, { ...choice, layer: 'fc', call: 1 }), null);
    assert.equal(jacobianDetailOf(network, { ...choice, input: 11 })?.input, null);
    assert.equal(jacobianDetailOf({ skipped: [] }, choice), null);
  });

  it('thins long curves and turns the density into shares above', () => {
    const long = Array.from({ length: 5000 }, (_, k) => 5000 - k);
    const density = { input: 3, nodes: [1, 2, 4], weights: [0.5, 0.25, 0.25], probes: 4, steps: 20, squaredNorm: 1, squaredNormError: 0.1 };
    const jacobians = jacobiansOf([3], spectraOf([long], { density }), []);
    const detail = jacobianDetailOf({ inputs: inputsOf([3]), jacobians, skipped: [] }, { ...choice, input: 3 }, 400);
    assert.ok(detail?.input);
    assert.ok(detail.k.length <= 400);
    assert.equal(detail.known, 5000);
    detail.k.forEach((k, i) => assert.equal(detail.input?.values[i], long[k - 1]));
    assert.deepEqual(detail.density?.shareAbove, [1, 0.5, 0.25]);
  });

  it('is embedded in saved pages with the curves of single inputs, as far as there is room', () => {
    const embedded = embeddedJacobians(network);
    // ∂f/∂x, four layers from the input, one local, one to the output.
    assert.equal(embedded.length, 7);
    assert.deepEqual(embedded[0].curves?.['17'], [3, 1.5, 2e-9]);
    const n = 6000;
    const indices = Array.from({ length: n }, (_, i) => i);
    const wide = spectraOf(indices.map(() => Array.from({ length: 30 }, (_, k) => 30 - k)));
    const many = embeddedJacobians({ inputs: inputsOf(indices), jacobians: jacobiansOf(indices, wide, [layerJacobians({ layer: 'a', inputToLayer: wide, layerLocal: wide, layerToOutput: wide })]), skipped: [] });
    assert.equal(many.length, 4);
    assert.ok(many.every(({ curves, detail }) => curves === null && detail.k.length === 30));
  });
});

describe('quantiles of a sample', () => {
  it('are those of numpy, over the values that exist', () => {
    // numpy.quantile([1, 2, 4, 8], [0.05, 0.5, 0.95]) = [1.15, 3, 7.4]
    const values = [8, null, 1, 4, 2];
    assert.ok(Math.abs((quantileOf(values, 0.05) ?? 0) - 1.15) < 1e-12);
    assert.equal(quantileOf(values, 0.5), 3);
    assert.ok(Math.abs((quantileOf(values, 0.95) ?? 0) - 7.4) < 1e-12);
    assert.equal(quantileOf([null], 0.5), null);
    assert.equal(quantileOf([5], 0.95), 5);
  });
});
