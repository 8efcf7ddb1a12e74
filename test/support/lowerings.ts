import assert from 'node:assert/strict';
import { probe } from '../../server/derivatives/probe.js';
import { rewrite } from '../../server/derivatives/rewrite.js';
import { GraphSession } from '../../server/derivatives/session.js';
import { networkOf, type OperatorCase } from './derivatives.js';

/** Checks that an operator written in simpler ones yields what onnxruntime's own kernel does, in float32. */
export async function assertLowered(operator: OperatorCase, tolerance = 1e-5): Promise<void> {
  const { network, feeds } = networkOf(operator);
  const { graph, results } = await probe(network, feeds);
  const lowered = rewrite(graph);
  assert.ok(!lowered.nodes.some((node) => node.operator === operator.operator && node.domain === (operator.domain ?? '')), `${operator.operator} was not lowered`);
  const session = await GraphSession.create(lowered);
  const outputs = await session.run(feeds).finally(() => session.release());
  for (const name of graph.outputs) {
    const [actual, expected] = [outputs.get(name), results.get(name)];
    assert.ok(actual !== undefined && expected !== undefined);
    const [ours, theirs] = [actual, expected].map(({ elements }) => Array.from(elements, Number));
    const largest = Math.max(1e-3, ...theirs.map(Math.abs));
    assert.equal(ours.length, theirs.length);
    for (const [i, value] of theirs.entries()) assert.ok(Math.abs(ours[i] - value) <= tolerance * largest, `${JSON.stringify(operator)}: ${name} is ${ours[i]} and not ${value} at ${i}`);
  }
}
