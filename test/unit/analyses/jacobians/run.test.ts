import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { inProcessRunner, type UnitRunner } from '../../../../server/analyses/context.js';
import { openNetwork, samplePlaces } from '../../../../server/analyses/jacobians/networkAtInputs.js';
import { runJacobians, type JacobianResult } from '../../../../server/analyses/jacobians/run.js';
import { saturationOf } from '../../../../server/analyses/jacobians/saturation.js';
import { selfCheck } from '../../../../server/analyses/jacobians/selfCheck.js';
import { networkTask, type JacobianTask, type NetworkAnswer, type NetworkTask } from '../../../../server/analyses/jacobians/task.js';
import { unitExecutor } from '../../../../server/analyses/unit.js';
import { asFloats } from '../../../../server/derivatives/session.js';
import { encodeElements } from '../../../../server/derivatives/elements.js';
import { MatrixWorkspace } from '../../../../server/linalg/matrixWorkspace.js';
import { onnxModelBytes, type OnnxNode } from '../../../../server/runtime/onnxWriter.js';
import { inFolder, npyBytes } from '../../../support/inputs.js';
import { gaussian } from '../../../support/matrices.js';

const size = 6;
const depth = 4;
const identity = (): Float64Array => Float64Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0));
/** Row-major, [out, in]. */
const weights: readonly Float64Array[] = Array.from({ length: depth }, (_, l) => gaussian(size, size, l + 1).map((x) => Math.fround(x)));

const node = (operator: string, inputs: string[], output: string, attributes: OnnxNode['attributes'] = {}): OnnxNode => ({ operator, domain: '', inputs, outputs: [output], attributes });

/** A chain of dense layers z1 … z4, with an activation between them where one is named; and inputs for it. */
function writeChain(folder: string, activation: string | null): NetworkTask {
  const nodes: OnnxNode[] = [];
  let value = 'x';
  for (let l = 1; l <= depth; l++) {
    nodes.push(node('Gemm', [value, `w${l}`], `z${l}`, { transB: { type: 'int', value: 1 } }));
    value = `z${l}`;
    if (activation === null || l === depth) continue;
    nodes.push(node(activation, [value], `a${l}`));
    value = `a${l}`;
  }
  const initializers = weights.map((values, l) => ({ name: `w${l + 1}`, elementType: 'float32' as const, shape: [size, size], data: encodeElements('float32', values) }));
  const model = path.join(folder, 'chain.onnx');
  writeFileSync(model, onnxModelBytes({ nodes, initializers, inputs: [{ name: 'x', elementType: 'float32', shape: ['n', size] }], outputs: [{ name: `z${depth}`, elementType: 'float32', shape: ['n', size] }] }, { '': 17 }));
  const file = path.join(folder, 'x.npy');
  writeFileSync(file, npyBytes('<f8', [9, size], gaussian(9, size, 77)));
  return networkTask({ model, inputs: { file, labels: null, preprocess: null, layout: null, range: null, resize: false }, samples: 5, seed: 1, precision: 'float64', threads: 1, memoryBytes: 4e8 });
}

function product(a: Float64Array, b: Float64Array): Float64Array {
  return Float64Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size];
    let sum = 0;
    for (let k = 0; k < size; k++) sum += a[i * size + k] * b[k * size + j];
    return sum;
  });
}

async function singularValues(matrix: Float64Array): Promise<number[]> {
  const workspace = await MatrixWorkspace.create();
  workspace.allocate(1, size, size).set(matrix);
  return [...(await workspace.singularValues()).singularValues];
}

const everything = (): boolean => true;
const analyse = (task: NetworkTask, runner: Pick<UnitRunner, 'run'> = inProcessRunner(unitExecutor()), signal = new AbortController().signal): Promise<JacobianResult> => runJacobians(task, everything, runner, { signal });

function assertClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) <= tolerance * expected[0], `${value} for ${expected[k]}`));
}

describe('Jacobian analysis', () => {
  it('of a linear chain: every Jacobian is a product of the weights, whatever the input (T9, T27)', () =>
    inFolder(async (folder) => {
      const { jacobians, inputs, skipped, complete } = await analyse(writeChain(folder, null));
      assert.ok(jacobians !== null && inputs !== null && complete);
      assert.deepEqual([skipped, inputs.n, jacobians.inputIndices.length, jacobians.selfCheck.passed], [[], 9, 5, true]);
      assert.deepEqual(jacobians.layers.map(({ layer, localFrom }) => [layer, localFrom]), [['w1', null], ['w2', 'w1'], ['w3', 'w2'], ['w4', 'w3']]);
      let upTo = identity();
      let bound = 1;
      let logDeterminants = 0;
      for (const [l, entry] of jacobians.layers.entries()) {
        upTo = product(weights[l], upTo);
        const [own, whole] = [await singularValues(weights[l]), await singularValues(upTo)];
        const onwards = await singularValues(weights.slice(l + 1).reduce((after, next) => product(next, after), identity()));
        bound *= own[0];
        logDeterminants += own.reduce((sum, value) => sum + Math.log(value), 0);
        for (let input = 0; input < 5; input++) {
          assertClose(entry.inputToLayer?.singularValues[input] ?? [], whole);
          assertClose(entry.layerLocal?.singularValues[input] ?? [], own);
          assertClose(entry.layerToOutput?.singularValues[input] ?? [], onwards);
          assert.ok(Math.abs((entry.inputToLayer?.measures.logVolume[input] ?? NaN) - logDeterminants) <= 1e-10);
        }
        assert.ok(entry.bound !== null && entry.truth !== null && entry.truth <= entry.bound && Math.abs(entry.bound - bound) <= 1e-12 * bound);
        assert.equal(entry.saturation, null);
      }
      assertClose(jacobians.output?.quantiles['0.05'] ?? [], await singularValues(upTo));
      // The gradient of a linear network does not turn.
      assert.ok(jacobians.attribution !== null);
      assertClose(jacobians.attribution.cosine['0.05'], [1, 1, 1, 1]);
      assert.ok(jacobians.attribution.drift['0.95'].every((drift) => drift <= 1e-12));
    }));

  it('counts the units that an activation closes, as the values before it tell', () =>
    inFolder(async (folder) => {
      const at = await openNetwork(writeChain(folder, 'Relu'));
      const values = (await at.derivatives.values(['z2'], at.samples)).get('z2') ?? new Float64Array();
      const closed = values.filter((value) => value <= 0).length;
      const never = Array.from({ length: size }, (_, unit) => unit).filter((unit) => at.places.every((_, input) => values[input * size + unit] <= 0)).length;
      assert.ok(closed > 0 && closed < values.length);
      assert.deepEqual(await saturationOf(at, 'z2'), { activation: 'Relu', share: closed / values.length, never, units: size });
      assert.equal(await saturationOf(at, `z${depth}`), null);
      await at.derivatives.release();
    }));

  it('withholds every number of derivatives that fail their check, and says why', () =>
    inFolder(async (folder) => {
      const task = writeChain(folder, 'Tanh');
      const at = await openNetwork(task);
      assert.ok((await selfCheck(at, 0)).passed);
      const { single } = at.derivatives;
      const right = single.vectorJacobianProducts.bind(single);
      // A rule that is wrong by one part in a hundred, in one of the two modes.
      single.vectorJacobianProducts = async (of, by, cotangents, batch) => asFloats(await right(of, by, cotangents, batch), 'float64').map((x) => 1.01 * x);
      const check = await selfCheck(at, 0);
      assert.ok(!check.passed && (check.adjoint ?? 0) > 1e-8 && (check.differences ?? 1) < 1e-6);
      await at.derivatives.release();
      const runner = inProcessRunner(unitExecutor());
      const failing: Pick<UnitRunner, 'run'> = {
        run: async (planned, control) => {
          const outcome = await runner.run(planned, control);
          const { question } = (planned.unit as { task: JacobianTask }).task;
          return outcome.state === 'done' && question === 'network' ? { state: 'done', result: { ...(outcome.result as NetworkAnswer), selfCheck: check } } : outcome;
        },
      };
      const { jacobians, skipped } = await analyse(task, failing);
      assert.deepEqual([jacobians?.output, jacobians?.layers, jacobians?.attribution, jacobians?.selfCheck.passed], [null, [], null, false]);
      assert.match(skipped[0].reason, /^The derivatives of this network did not pass their check \(.* relative\): no Jacobian is shown\. /);
    }));

  it('answers a cancel with what was done, and mistakes in inputs and names with a sentence', () =>
    inFolder(async (folder) => {
      const task = writeChain(folder, null);
      const control = new AbortController();
      const runner = inProcessRunner(unitExecutor());
      const result = await runJacobians(task, everything, runner, { signal: control.signal, onLayerDone: () => control.abort() });
      assert.deepEqual([result.complete, result.total], [false, depth]);
      assert.ok((result.jacobians?.layers.length ?? depth) < depth);
      const failures = [
        [{ ...task, inputs: { file: path.join(folder, 'none.npz'), labels: null, preprocess: null, layout: null, range: null, resize: false } }, 'unreadable', /none\.npz does not exist/],
        [{ ...task, input: 'y' }, 'usage', /no input 'y'; its inputs are 'x'/],
        [{ ...task, output: 'y' }, 'usage', /no value 'y'; its outputs are 'z4'/],
      ] as const;
      for (const [wrong, code, sentence] of failures) {
        const { failure, jacobians } = await analyse(wrong);
        assert.equal(jacobians, null);
        assert.equal(failure?.code, code);
        assert.match(failure.reason, sentence);
      }
    }));

  it('takes a sample without repetition, the same for the same seed, ascending', () => {
    const places = samplePlaces(1000, 100, 3);
    assert.deepEqual([places.length, new Set(places).size], [100, 100]);
    assert.deepEqual(places, [...places].sort((a, b) => a - b));
    assert.deepEqual(places, samplePlaces(1000, 100, 3));
    assert.notDeepEqual(places, samplePlaces(1000, 100, 4));
    assert.deepEqual(samplePlaces(3, 100, 0), [0, 1, 2]);
    // Every place is as likely: over many seeds none is missed.
    assert.equal(new Set(Array.from({ length: 60 }, (_, seed) => samplePlaces(20, 4, seed)).flat()).size, 20);
  });
});
