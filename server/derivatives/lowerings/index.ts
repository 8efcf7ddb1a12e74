import { operatorName, type Node } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import { deformableConvolutions } from './deformableConvolutions.js';
import { losses } from './losses.js';
import { normalizations } from './normalizations.js';
import { opsets } from './opsets.js';
import { recurrent } from './recurrent.js';
import { regions } from './regions.js';
import { resizing } from './resize.js';
import { shrink } from './shrink.js';
import { linearAlgebra } from './linearAlgebra.js';
import { shapes } from './shapes.js';
import { grids } from './grids.js';
import { quantization } from './quantization.js';
import { attentions } from './attention.js';
import { fused } from './contrib.js';
import { contribNormalizations } from './contribNormalizations.js';
import { contribAttention } from './contribAttention.js';
import { caches } from './caches.js';
import { transforms } from './transforms.js';

/** One file per family of operators. */
const families: readonly Lowerings[] = [losses, normalizations, recurrent, linearAlgebra, shapes, resizing, shrink, grids, deformableConvolutions, regions, attentions, quantization, fused, contribNormalizations, contribAttention, caches, transforms];

const lowerings = new Map(families.flatMap((family) => Object.entries(family)));

/** How a node's operator is written in simpler ones; null where it is not. */
export function loweringFor(node: Node): Lowering | null {
  return lowerings.get(operatorName(node)) ?? null;
}

/** Operators that are lowered, as `operatorName` writes them. */
export function loweredOperators(): string[] {
  return [...new Set([...lowerings.keys(), ...Object.keys(opsets)])].sort();
}

/** How a node of an old operator set is written in a newer one, which goes before everything else; null where it is not. */
export function raisingFor(node: Node): Lowering | null {
  const name = operatorName(node);
  return Object.hasOwn(opsets, name) ? opsets[name] : null;
}
