import { CheckFailed } from '../../linalg/dense/blockSingularValues.js';
import { blockRowChoices, type MatrixWorkspace, type SingularValueResult, type StreamedMatrix } from '../../linalg/matrixWorkspace.js';
import type { Layer } from '../../model/model.js';
import { blockQuantum, firstNonFinite, readBlock, scanStored, tallShape, type Place } from '../../model/readBlocks.js';
import type { WeightScan } from '../../model/readWeight.js';
import type { LayerNorms } from './layerScan.js';
import { StreamedScan } from './streamedScan.js';

/** What reading and decomposing a layer's matrix tell, whichever way it was read. */
export interface MeasuredWeights {
  scan: WeightScan;
  norms: LayerNorms;
  /** Null for weights that are not all finite. */
  solved: SingularValueResult | null;
}

interface Control {
  signal?: AbortSignal;
  progress?: (fraction: number) => void;
}

/** A weight that is not finite, met while the matrix is being decomposed: scales can make one of finite elements. */
class NotFinite extends Error {}

/**
 * Scan, norms and singular values of a layer whose matrix is never in memory as a whole. The stored tensor is read twice: in
 * the file's order for what is known of stored elements, and in blocks of rows of the longer side for all else.
 * @param blockRows rows of the longer side per block, as `memoryRoute` says
 * @throws what reading throws, CheckFailed, the signal's reason
 */
export async function measureStreamed(layer: Layer, blockRows: number, workspace: MatrixWorkspace, control: Control): Promise<MeasuredWeights> {
  const signalled = control.signal ? { signal: control.signal } : {};
  const stored = await scanStored(layer, signalled);
  const finish = (blocks: StreamedScan, firstIndex: number | null, solved: SingularValueResult | null): MeasuredWeights => ({
    scan: { nonFinite: { count: blocks.nonFinite, firstIndex }, zeros: blocks.zeros, denormals: stored.denormals, constant: blocks.constant, digest: stored.digest },
    norms: blocks.norms(),
    solved,
  });
  if (stored.nonFinite.count === 0) {
    try {
      const { blocks, solved } = await decompose(layer, blockRows, workspace, control);
      return finish(blocks, null, solved);
    } catch (error) {
      if (!(error instanceof NotFinite)) throw error;
    }
  }
  const { blocks, first } = await scanBlocks(layer, blockRows, workspace, control, stored.nonFinite.count);
  return finish(blocks, blocks.nonFinite === stored.nonFinite.count ? stored.nonFinite.firstIndex : (first?.index ?? null), null);
}

async function decompose(layer: Layer, blockRows: number, workspace: MatrixWorkspace, control: Control): Promise<{ blocks: StreamedScan; solved: SingularValueResult }> {
  const signalled = control.signal ? { signal: control.signal } : {};
  const { longer, shorter } = tallShape(layer);
  let blocks = new StreamedScan(tallShape(layer));
  const matrix: StreamedMatrix = {
    rows: longer,
    columns: shorter,
    async read(from, count, target, step, offset) {
      // Another pass tells the same as the first.
      if (from === 0) blocks = new StreamedScan(tallShape(layer));
      const lines = { target, step, offset };
      await readBlock(layer, from, count, lines, signalled);
      await blocks.add(lines, from, count, control.signal);
      if (blocks.nonFinite > 0) throw new NotFinite();
    },
  };
  const solved = await workspace.streamedSingularValues(matrix, blockRows, control).catch((error: unknown) => {
    if (!(error instanceof CheckFailed)) throw error;
    return workspace.streamedSingularValues(matrix, blockRows, control, true);
  });
  return { blocks, solved };
}

/** The same blocks without a decomposition, and the first weight that is not finite where it is not known from the stored elements. */
async function scanBlocks(layer: Layer, blockRows: number, workspace: MatrixWorkspace, { signal }: Control, storedNonFinite: number): Promise<{ blocks: StreamedScan; first: Place | null }> {
  const signalled = signal ? { signal } : {};
  const shape = tallShape(layer);
  const { longer, shorter } = shape;
  const blocks = new StreamedScan(shape);
  const each = async (rows: number, visit: (target: Float64Array, from: number, count: number) => Promise<void>): Promise<void> => {
    for (let from = 0; from < longer; from += rows) {
      const count = Math.min(rows, longer - from);
      const target = workspace.buffer(shorter * count);
      await readBlock(layer, from, count, { target, step: count, offset: 0 }, signalled);
      await visit(target, from, count);
    }
  };
  await each(blockRows, (target, from, count) => blocks.add({ target, step: count, offset: 0 }, from, count, signal));
  if (blocks.nonFinite === storedNonFinite) return { blocks, first: null };
  let first: Place | null = null;
  // Each weight's place takes as much memory as the weight.
  const tracedRows = blockRowChoices(longer, shorter, blockQuantum(layer) ?? 1).at(-1) ?? blockRows;
  await each(tracedRows, async (target, from, count) => {
    if (target.every(Number.isFinite)) return;
    const found = await firstNonFinite(layer, from, count, target, signalled);
    if (found && (first === null || found.tensor < first.tensor || (found.tensor === first.tensor && found.index < first.index))) first = found;
  });
  return { blocks, first };
}
