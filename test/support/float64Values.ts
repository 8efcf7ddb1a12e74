import assert from 'node:assert/strict';
import { withFloat64Kernels } from '../../server/derivatives/float64/index.js';
import { isFloat } from '../../server/derivatives/graph.js';
import { inPrecision } from '../../server/derivatives/precision.js';
import { probe } from '../../server/derivatives/probe.js';
import { rewrite } from '../../server/derivatives/rewrite.js';
import { GraphSession } from '../../server/derivatives/session.js';
import { networkOf, type OperatorCase } from './derivatives.js';

/** Where an operator is computed in float64 by others, its values are those of onnxruntime's float32 kernel. */
export async function assertFloat64Values(operator: OperatorCase): Promise<void> {
  const { network, feeds } = networkOf(operator);
  const { graph, results } = await probe(network, feeds);
  const session = await GraphSession.create(withFloat64Kernels(inPrecision(rewrite(graph), 'float64')));
  const double = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, dtype: 'float64' as const, elements: Float64Array.from(tensor.elements, Number) }]));
  const values = await session.run(double).finally(() => session.release());
  for (const name of graph.outputs.filter((output) => isFloat(graph.values.get(output)?.dtype ?? 'bool'))) {
    const [actual, expected] = [values.get(name), results.get(name)];
    assert.deepEqual(actual?.shape, expected?.shape);
    for (const [i, x] of (expected?.elements ?? []).entries()) assert.ok(Math.abs(Number(x) - Number(actual?.elements[i])) <= 1e-5 * Math.max(1, Math.abs(Number(x))), `${JSON.stringify(operator)}: ${actual?.elements[i]} and not ${x} at ${i}`);
  }
}
