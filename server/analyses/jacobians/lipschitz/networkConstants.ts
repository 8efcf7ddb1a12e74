import { namesRead, nodesFor, type Node, type ShapedGraph } from '../../../derivatives/graph.js';
import { asFloats, GraphSession } from '../../../derivatives/session.js';
import { elementTypeNumber } from '../../../runtime/onnxWriter.js';

/** float32 operations that make a constant of stored ones round each element: far more than a few of them do. */
const computedError = 1e-6;

export interface ConstantValues {
  /** Row-major. */
  values: Float64Array;
  /** Of the matrix that they are: 0 for stored ones, which are widened exactly. */
  relativeError: number;
}

/** Elements of the values of a network that are the same for every input. */
export class NetworkConstants {
  constructor(private readonly network: ShapedGraph) {}

  /**
   * Elements of a stored constant, or of one that the graph makes of stored ones. Null where the value depends on an
   * input. Nothing is kept: weights are large and needed once.
   * @throws NotDifferentiable where onnxruntime does not compute it
   * Cost: a session of onnxruntime that does.
   */
  async of(name: string): Promise<ConstantValues | null> {
    const known = this.network.numbers.get(name);
    if (known !== undefined && !this.network.dataDependent.has(name)) return { values: Float64Array.from(known), relativeError: this.network.constants.has(name) ? 0 : computedError };
    const { network } = this;
    const nodes = nodesFor(network.nodes, [name]);
    const given = new Set(network.inputs.map((input) => input.name));
    if (given.has(name) || nodes.some((node) => namesRead(node).some((read) => given.has(read)))) return null;
    const result = `${name} in float64`;
    const cast: Node = { name: '', operator: 'Cast', domain: '', inputs: [name], outputs: [result], attributes: { to: { type: 'int', value: elementTypeNumber('float64') } } };
    const session = await GraphSession.create({ ...network, nodes: [...nodes, cast], inputs: [], outputs: [result] }, { optimization: 'disabled' });
    const results = await session.run({}).finally(() => session.release());
    const elements = results.get(result)?.elements;
    return elements === undefined ? null : { values: Float64Array.from(asFloats(elements, 'float64')), relativeError: nodes.length > 0 ? computedError : 0 };
  }
}
