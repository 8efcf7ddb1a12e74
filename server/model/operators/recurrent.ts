import { stringAttribute } from '../attributes.js';
import { isFloat, type ConstantResolver } from '../constantResolver.js';
import { draft, singleBlock, type Detected, type LayerDraft } from '../draft.js';
import { reshaped, sliced } from '../expression.js';
import type { PlacedNode } from '../graphScope.js';
import { idOfRecurrentTensor } from '../layerNames.js';
import type { WeightExpression } from '../model.js';
import { describe } from './dense.js';

/** ONNX's order of the gates in W and R. i input, o output, f forget, c cell; z update, r reset, h hidden. */
const gatesOfOnnx: Record<string, readonly string[]> = {
  LSTM: ['i', 'o', 'f', 'c'],
  GRU: ['z', 'r', 'h'],
  RNN: ['i'],
};

/**
 * LSTM, GRU and RNN: one matrix [hidden, inputs] per gate and direction of W (inputs = width of the input) and of R
 * (inputs = hidden). Ids end in `.w` or `.r`, direction and gate.
 */
export function detectRecurrent(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  const gates = node.domain === '' ? (gatesOfOnnx as Partial<Record<string, readonly string[]>>)[node.opType] : undefined;
  if (!gates) return null;
  const reverseOnly = stringAttribute(node, 'direction', 'forward') === 'reverse';
  const directions = reverseOnly ? ['backward'] : ['forward', 'backward'];
  const layers: LayerDraft[] = [];
  for (const [input, letter] of [[1, 'w'], [2, 'r']] as const) {
    const weight = resolver.resolve(scope, node.inputs[input] ?? '');
    if (!weight) continue;
    const [count, rows] = weight.shape;
    if (weight.shape.length !== 3 || count > directions.length || rows % gates.length !== 0 || !isFloat(weight)) {
      return { reason: `${describe(node)}: a tensor of shape [${weight.shape.join(', ')}] does not divide into ${gates.length} gates` };
    }
    for (let direction = 0; direction < count; direction++) {
      for (const [gate, name] of gates.entries()) {
        const part = gateOf(weight, direction, gate * (rows / gates.length), rows / gates.length);
        layers.push(
          draft(at, singleBlock(part), {
            kind: 'recurrent',
            shape: part.shape,
            suffix: `.${letter}.${directions[direction]}.${name}`,
            idFromTensor: idOfRecurrentTensor,
            output: null,
            input: letter === 'w' && direction === 0 && gate === 0 ? node.inputs[0] : null,
            biasInputs: [3],
          }),
        );
      }
    }
  }
  return layers.length > 0 ? { layers } : null;
}

/** Rows of one gate of one direction, [hidden, inputs]. */
function gateOf(weight: WeightExpression, direction: number, start: number, hidden: number): WeightExpression {
  const gate = sliced(sliced(weight, 0, direction, 1), 1, start, hidden);
  return reshaped(gate, gate.shape.slice(1));
}
