/**
 * Working memory of the kernel. The host owns all memory: it hands over one piece, once per instance, and everything
 * else by address in each call, so that the kernel itself allocates nothing.
 */
import { at } from './elements';
import { largestGroup } from './pipeline';

/** Widest panel (and band) the scratch areas allow. */
export const maximumPanel: i32 = 64;

/** Blocks of the packed matrix product: see gemm.ts. */
export const blockRows: i32 = 80;
export const blockInner: i32 = 256;
export const blockColumns: i32 = 512;

export let packedLeft: usize = 0;
export let packedRight: usize = 0;
/** A 4 × 4 tile, for the ragged edge of a product. */
export let tile: usize = 0;
/** Two maximumPanel² matrices, for the factors of a panel. */
export let panelProduct: usize = 0;
export let panelTriangle: usize = 0;
/** Two vectors of maximumPanel elements. */
export let reflectorVector: usize = 0;
export let rowSums: usize = 0;
/** For each sweep of a group (pipeline.ts) a vector of maximumPanel elements, and one element. */
export let groupReflectors: usize = 0;
export let groupFactors: usize = 0;

/** Elements that `useScratch` needs. */
export function scratchLength(): i32 {
  return blockRows * blockInner + blockInner * blockColumns + 16 + 2 * maximumPanel * maximumPanel + (2 + largestGroup) * maximumPanel + largestGroup;
}

/** Hands over the working memory: `scratchLength()` elements at `base`, aligned to 16 bytes. */
export function useScratch(base: usize): void {
  packedLeft = base;
  packedRight = at(packedLeft, blockRows * blockInner);
  tile = at(packedRight, blockInner * blockColumns);
  panelProduct = at(tile, 16);
  panelTriangle = at(panelProduct, maximumPanel * maximumPanel);
  reflectorVector = at(panelTriangle, maximumPanel * maximumPanel);
  rowSums = at(reflectorVector, maximumPanel);
  groupReflectors = at(rowSums, maximumPanel);
  groupFactors = at(groupReflectors, largestGroup * maximumPanel);
}

/** First free address behind the module's own data. */
export function heapBase(): usize {
  return __heap_base;
}
