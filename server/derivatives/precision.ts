import { elementTypeNumber, elementTypeOf, type OnnxAttribute, type OnnxTensor, type OnnxType } from '../runtime/onnxWriter.js';
import { decodeElements, encodeElements } from './elements.js';
import { describeNode, elementsOf, isFloat, NotDifferentiable, type Node, type ShapedGraph, type Value } from './graph.js';

/** Attributes that name an element type, by operator. */
const typeAttributes = new Map([['Cast', 'to'], ['EyeLike', 'dtype'], ['RandomNormalLike', 'dtype'], ['RandomUniformLike', 'dtype'], ['SequenceEmpty', 'dtype']]);
/** The same for operators that yield float32 where it is left out. */
const floatAttributes = new Map([['RandomNormal', 'dtype'], ['RandomUniform', 'dtype'], ['BlackmanWindow', 'output_datatype'], ['HammingWindow', 'output_datatype'], ['HannWindow', 'output_datatype'], ['MelWeightMatrix', 'output_datatype']]);
/** Operators whose attribute `value` is the element that they fill with. */
const fillOperators = new Set(['ConstantOfShape']);

/**
 * The same graph in another floating-point type: inputs, constants and everything between. Weights stay as they are
 * stored and are converted where the graph is loaded, so that float64 results are exact for the stored weights.
 */
export function inPrecision(network: ShapedGraph, precision: 'float32' | 'float64'): ShapedGraph {
  const changed = (dtype: OnnxType): OnnxType => (isFloat(dtype) ? precision : dtype);
  const constants = new Map<string, OnnxTensor>();
  const values = new Map<string, Value>();
  for (const [name, value] of network.values) values.set(name, { ...value, dtype: changed(value.dtype) });
  const casts: Node[] = [];
  for (const [name, tensor] of network.constants) {
    if (changed(tensor.elementType) === tensor.elementType) {
      constants.set(name, tensor);
      continue;
    }
    // Numbers that were computed are known to more digits than a float32 constant holds.
    const known = network.numbers.get(name);
    if (known?.length === elementsOf(tensor.shape)) {
      constants.set(name, { ...tensor, elementType: precision, data: encodeElements(precision, known) });
      continue;
    }
    const stored = `${name} as stored`;
    constants.set(stored, { ...tensor, name: stored });
    values.set(stored, { name: stored, shape: tensor.shape, dtype: tensor.elementType });
    casts.push({ name: '', operator: 'Cast', domain: '', inputs: [stored], outputs: [name], attributes: { to: { type: 'int', value: elementTypeNumber(precision) } } });
  }
  return {
    ...network,
    constants,
    values,
    nodes: [...casts, ...network.nodes.map((node) => ({ ...node, attributes: changedAttributes(node, precision, changed) }))],
    inputs: network.inputs.map((input) => ({ ...input, dtype: changed(input.dtype) })),
  };
}

function changedAttributes(node: Node, precision: 'float32' | 'float64', changed: (dtype: OnnxType) => OnnxType): Node['attributes'] {
  const attributes: Record<string, OnnxAttribute> = { ...node.attributes };
  const madeAs = floatAttributes.get(node.operator);
  if (madeAs !== undefined && !Object.hasOwn(attributes, madeAs)) attributes[madeAs] = { type: 'int', value: elementTypeNumber('float32') };
  const name = typeAttributes.get(node.operator) ?? madeAs;
  const type = name === undefined ? undefined : attributes[name];
  if (name !== undefined && type?.type === 'int') attributes[name] = { type: 'int', value: elementTypeNumber(changed(elementTypeOf(type.value))) };
  if (fillOperators.has(node.operator)) {
    const fill = Object.hasOwn(attributes, 'value') ? attributes.value : null;
    // Without the attribute the fill is 0 as float32.
    if (fill === null) attributes.value = { type: 'tensor', value: { name: '', elementType: precision, shape: [1], data: encodeElements(precision, [0]) } };
    else if (fill.type === 'tensor' && isFloat(fill.value.elementType)) attributes.value = { type: 'tensor', value: { ...fill.value, elementType: precision, data: encodeElements(precision, fillElements(node, fill.value)) } };
  }
  return attributes;
}

/** The one element of the attribute, which is so small that it has been read. */
function fillElements(node: Node, { elementType, data }: OnnxTensor): number[] {
  const elements = data instanceof Uint8Array ? decodeElements(elementType, data) : null;
  if (elements === null) throw new NotDifferentiable(`${describeNode(node)} fills with an element of type ${elementType}, which is not read here: convert the network to float32.`, node);
  return elements;
}
