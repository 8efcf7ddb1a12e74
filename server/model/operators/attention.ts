import { numbersAttribute } from '../attributes.js';
import { isFloat, quantisedAlong, type ConstantResolver } from '../constantResolver.js';
import { draft, singleBlock, type Detected } from '../draft.js';
import { reshaped, sliced, transposed } from '../expression.js';
import type { PlacedNode } from '../graphScope.js';
import { describe } from './dense.js';

/** onnxruntime's fused attention operators that hold the projection in input 1, [width, q + k + v]. */
const fusedOperators = new Set(['Attention', 'PackedAttention', 'DecoderMaskedSelfAttention', 'QAttention', 'LongformerAttention']);

/** The packed projection of a fused attention operator, split into q, k and v, each [out, in]. */
export function detectFusedAttention(at: PlacedNode, resolver: ConstantResolver): Detected | null {
  const { node, scope } = at;
  if (node.domain !== 'com.microsoft' || !fusedOperators.has(node.opType)) return null;
  const packed = resolver.resolve(scope, node.inputs[1] ?? '');
  if (!packed) return null;
  const [width, columns] = packed.shape;
  if (packed.shape.length !== 2) return { reason: `${describe(node)}: packed projections of rank ${packed.shape.length} are not split` };
  const quantised = node.opType === 'QAttention' && !isFloat(packed);
  const scale = quantised ? resolver.tensor(scope, node.inputs[4]) : null;
  const weight = scale ? (quantisedAlong(packed, scale, resolver.tensor(scope, node.inputs[7]), 1, 0) ?? packed) : packed;
  const given = numbersAttribute(node, 'qkv_hidden_sizes');
  const sizes = given?.length === 3 ? given : [columns / 3, columns / 3, columns / 3];
  if (sizes[0] + sizes[1] + sizes[2] !== columns || !sizes.every((size) => Number.isInteger(size) && size > 0)) {
    return { reason: `${describe(node)}: ${columns} columns do not divide into q, k and v` };
  }
  const starts = [0, sizes[0], sizes[0] + sizes[1]];
  return {
    layers: ['q', 'k', 'v'].map((name, i) => {
      const part = sliced(weight, 1, starts[i], sizes[i]);
      return draft(at, singleBlock(transposed(part, [1, 0])), { kind: 'attention', shape: [width, sizes[i]], suffix: `.${name}`, output: null, input: i === 0 ? node.inputs[0] : null, biasInputs: [2] });
    }),
  };
}

/** Rows of a fused projection that form one of its parts: an outer repeat (heads), then the part, then an inner run. */
export interface ProjectionPart {
  /** The output axis seen as [outer, middle, inner], row-major; the part is `length` of `middle` from `start`. */
  outer: number;
  middle: number;
  inner: number;
  start: number;
  length: number;
}

/** The matrix [out, in] of one part of a fused projection. */
export function projectionPart(weight: ReturnType<typeof singleBlock>, part: ProjectionPart): ReturnType<typeof singleBlock> {
  const columns = weight.shape[2];
  const viewed = reshaped(weight, [part.outer, part.middle, part.inner, columns]);
  const cut = sliced(viewed, 1, part.start, part.length);
  return reshaped(cut, [1, part.outer * part.length * part.inner, columns]);
}
