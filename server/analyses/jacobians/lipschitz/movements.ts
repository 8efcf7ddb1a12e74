import { elementsOf } from '../../../derivatives/graph.js';
import { type BoundedOperation, copies, type Gain, type Gains, rootOfSquares } from './boundedOperation.js';

/** Moves or selects elements, none twice; what follows the first input are parameters. */
const moved: Gain = (operation) => operation.only();

/** Repeats each element equally often. */
const repeated: Gain = (operation) => operation.only() * Math.sqrt(copies(operation.outputShape, operation.shape(0)));

/**
 * Operations that move elements. A matrix with a single 1 in each row has orthogonal columns of length √c, c the number of
 * times that an element is taken, and the largest of them is its norm.
 */
export const movementGains: Gains = {
  ...Object.fromEntries(['Reshape', 'Transpose', 'Flatten', 'Squeeze', 'Unsqueeze', 'Slice', 'Split', 'DepthToSpace', 'SpaceToDepth', 'Trilu', 'ReverseSequence'].map((name) => [name, moved])),
  Expand: repeated,
  Tile: repeated,
  Concat: (operation) => rootOfSquares(operation.bounds.flatMap((bound) => bound ?? [])),
  Gather: gathered,
  Pad: padded,
  Upsample: enlarged,
  Resize: enlarged,
};

async function gathered(operation: BoundedOperation): Promise<number> {
  const bound = operation.only();
  const size = operation.shape(0)[operation.operation.axis(operation.operation.integer('axis', 0))];
  const times = new Map<number, number>();
  let most = 0;
  for (const index of (await operation.constant(1)).values) {
    const place = index < 0 ? index + size : index;
    const count = (times.get(place) ?? 0) + 1;
    times.set(place, count);
    most = Math.max(most, count);
  }
  return bound * Math.sqrt(most);
}

/** With zeros no element is repeated; continued or mirrored, at most so often along each axis. */
function padded(operation: BoundedOperation): number {
  const mode = operation.operation.text('mode', 'constant');
  const bound = operation.only();
  if (mode === 'constant') return bound;
  return operation.outputShape.reduce((norm, padded, axis) => norm * Math.sqrt(mostCopies(mode, operation.shape(0)[axis], padded) ?? operation.refuse(`pads in mode ${mode}, for which no Lipschitz constant is known here`)), bound);
}

/** How often an element of an axis is in the padded one at most. */
function mostCopies(mode: string, size: number, padded: number): number | null {
  const added = Math.max(0, padded - size);
  if (added === 0) return 1;
  if (mode === 'edge') return 1 + added;
  if (mode === 'wrap') return Math.ceil(padded / size);
  if (mode !== 'reflect' || size < 2) return null;
  // Beside itself, an element has one mirror image on each side; further out each period of 2·(size − 1) holds two.
  return added < size ? 1 + Math.min(2, added) : 2 * Math.ceil(padded / (2 * (size - 1)));
}

/** Nearest neighbours by whole factors, where each element becomes a block. */
function enlarged(operation: BoundedOperation): number {
  const { operation: node } = operation;
  const [mode, coordinates] = [node.text('mode', 'nearest'), node.text('coordinate_transformation_mode', node.node.operator === 'Upsample' || node.opset < 11 ? 'asymmetric' : 'half_pixel')];
  const rounding = node.text('nearest_mode', coordinates === 'asymmetric' && node.opset < 11 ? 'floor' : 'round_prefer_floor');
  const isWhole = operation.shape(0).every((size, axis) => operation.outputShape[axis] % size === 0);
  // Block b of factor s has coordinates b + (j + 1/2)/s − 1/2 within (b − 1/2, b + 1/2), or b + j/s within [b, b + 1).
  const isBlock = coordinates === 'asymmetric' ? rounding === 'floor' : coordinates.endsWith('half_pixel') && rounding.startsWith('round');
  if (mode !== 'nearest' || !isWhole || !isBlock || elementsOf(operation.shape(0)) === 0) operation.refuse(`interpolates (${mode}), for which no Lipschitz constant is known here`);
  return operation.only() * Math.sqrt(copies(operation.outputShape, operation.shape(0)));
}
