import { numberAttribute } from '../attributes.js';
import { isFloat, quantisedAlong, type ConstantResolver } from '../constantResolver.js';
import { draft, singleBlock, type Detected } from '../draft.js';
import type { PlacedNode } from '../graphScope.js';
import { describe } from './dense.js';

/** Embedding tables, [entries, width]: a float matrix gathered along its rows by an index that is no constant. */
export function detectEmbedding(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  const { opType } = node;
  if (opType === 'EmbedLayerNormalization' && node.domain === 'com.microsoft') {
    const tables = [2, 3, 4].map((input) => resolver.resolve(scope, node.inputs[input] ?? ''));
    const layers = tables.flatMap((table) => (table?.shape.length === 2 ? [draft(at, singleBlock(table), { kind: 'embedding', output: null, input: null })] : []));
    return layers.length > 0 ? { layers } : null;
  }
  if (opType === 'GatherBlockQuantized') return detectBlockQuantised(at, resolver);
  if (opType !== 'Gather' || numberAttribute(node, 'axis', 0) !== 0) return null;
  const table = resolver.resolve(scope, node.inputs[0] ?? '');
  const constantIndex = resolver.resolve(scope, node.inputs[1] ?? '') !== null;
  if (!table || constantIndex || table.shape.length !== 2 || !isFloat(table)) return null;
  return { layers: [draft(at, singleBlock(table), { kind: 'embedding', output: node.outputs[0] ?? null, input: null })] };
}

/** onnxruntime's embedding of block-quantised rows. */
function detectBlockQuantised(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  const data = resolver.resolve(scope, node.inputs[0] ?? '');
  const scale = resolver.tensor(scope, node.inputs[2]);
  const zeroPoint = resolver.tensor(scope, node.inputs[3]);
  if (!data) return null;
  const subByte = data.op === 'stored' && /^u?int4$/.test(data.tensor.dtype);
  const axis = numberAttribute(node, 'quantize_axis', 1);
  const values = scale && data.shape.length === 2 && subByte ? quantisedAlong(data, scale, zeroPoint, axis < 0 ? axis + 2 : axis, numberAttribute(node, 'block_size', 128)) : null;
  if (!values || numberAttribute(node, 'gather_axis', 0) !== 0) return { reason: `${describe(node)}: this packing is not decoded` };
  return { layers: [draft(at, singleBlock(values), { kind: 'embedding', output: null, input: null })] };
}
