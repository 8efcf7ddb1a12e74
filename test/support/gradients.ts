import { vectorJacobianProduct } from '../../server/derivatives/differentiate.js';
import { elementsOf } from '../../server/derivatives/graph.js';
import { probe } from '../../server/derivatives/probe.js';
import { rewrite } from '../../server/derivatives/rewrite.js';
import { GraphSession, type TensorData } from '../../server/derivatives/session.js';
import { networkOf, type OperatorCase } from './derivatives.js';

/** The gradient of the sum of an operator's outputs by its first operand, in float32, where its operands have the given numbers. */
export async function gradientAt(operatorCase: OperatorCase, ...numbers: (readonly number[])[]): Promise<number[]> {
  const { network, feeds } = networkOf(operatorCase);
  const names = Object.keys(feeds);
  for (const [i, name] of names.entries()) feeds[name] = { ...feeds[name], elements: Float32Array.from(numbers[i]) };
  const { graph: probed } = await probe(network, feeds);
  const { graph, seeds, results } = vectorJacobianProduct(rewrite(probed), { of: probed.outputs, by: [names[0]], directions: 1 });
  const ones = Object.fromEntries(graph.inputs.filter(({ name }) => seeds.includes(name)).map(({ name, shape }) => [name, filled(shape)]));
  const session = await GraphSession.create(graph);
  const found = await session.run({ ...feeds, ...ones }).finally(() => session.release());
  return Array.from(found.get(results[0])?.elements ?? [], Number);
}

function filled(shape: readonly number[]): TensorData {
  return { dtype: 'float32', shape, elements: new Float32Array(elementsOf(shape)).fill(1) };
}
