import { blockRowChoices, kernelMaximumBytes, predictedBytes, predictedStreamedBytes } from '../linalg/matrixWorkspace.js';
import type { Layer } from '../model/model.js';
import { blockQuantum, blockReadingBytes, tallShape } from '../model/readBlocks.js';
import { intermediateBytes } from '../model/readWeight.js';

/** How a layer's singular values fit into memory: its matrix as a whole, or in blocks of rows of its longer side. */
export interface MemoryRoute {
  /** Rows per block; null: the whole matrix at once. */
  streamedRows: number | null;
  /** Peak bytes. */
  bytes: number;
}

/** What streaming keeps for each row or column of the matrix: its sum of squares, and the norms and their order made of it. */
const bytesPerLine = 40;

/**
 * The whole matrix where that fits, else the largest blocks that do; where nothing fits, the route that needs least. Convolutions
 * and block-diagonal matrices are never streamed.
 * @returns the route, and whether it fits into the limit and into a memory of WebAssembly. From shapes alone.
 */
export function memoryRoute(layer: Layer, limitBytes: number): { route: MemoryRoute; fits: boolean } {
  const [rows, columns] = [layer.matrixShape[0] / layer.groups, layer.matrixShape[1] / layer.groups];
  const kernelBytes = predictedBytes(layer.groups, rows, columns);
  const whole: MemoryRoute = { streamedRows: null, bytes: kernelBytes + intermediateBytes(layer.weight) };
  if (kernelBytes <= kernelMaximumBytes && whole.bytes <= limitBytes) return { route: whole, fits: true };
  let least = kernelBytes <= kernelMaximumBytes ? whole : { ...whole, bytes: Infinity };
  for (const route of streamedRoutes(layer)) {
    if (route.bytes <= limitBytes) return { route, fits: true };
    if (route.bytes < least.bytes) least = route;
  }
  return { route: Number.isFinite(least.bytes) ? least : whole, fits: false };
}

/** The ways to stream a layer that a memory of WebAssembly can hold, the fastest first. */
function* streamedRoutes(layer: Layer): Generator<MemoryRoute> {
  const { longer, shorter } = tallShape(layer);
  if (layer.convolution !== null || layer.groups !== 1 || shorter === 0) return;
  const quantum = blockQuantum(layer);
  if (quantum === null) return;
  for (const streamedRows of blockRowChoices(longer, shorter, quantum)) {
    const kernelBytes = predictedStreamedBytes(longer, shorter, streamedRows);
    if (kernelBytes > kernelMaximumBytes) continue;
    yield { streamedRows, bytes: kernelBytes + blockReadingBytes(layer, streamedRows) + bytesPerLine * (longer + shorter) };
  }
}
