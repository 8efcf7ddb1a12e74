import { bandLength, bandWidth } from './bandReduction.js';
import { alignedBytes, kernelOverheadBytes, type KernelMemory } from '../kernel.js';
import { type Steps } from '../steps.js';

/** From this size on, chasing the bulges takes long enough for several threads. */
export const threadsPayFrom = 1024;

/** What the third stage keeps for each row of the band. */
const linesOfValues = 12;

/** A band matrix and the memory it lies in. */
export interface StoredBand {
  memory: KernelMemory;
  address: number;
}

/**
 * The band where the threads of a kernel can work on it: where it lies, or copied to the memory's companion, which then
 * has room for `bytes` more.
 */
export function bandForThreads(memory: KernelMemory, address: number, length: number, size: number, bytes: number): StoredBand {
  const threaded = size >= threadsPayFrom ? memory.threaded() : null;
  if (threaded === null || threaded === memory) return { memory, address };
  threaded.reserve(alignedBytes(length) + bytes);
  const copy = threaded.take(length);
  threaded.elements(copy, length).set(memory.elements(address, length));
  return { memory: threaded, address: copy };
}

/** One call of the kernel may take this many multiply–adds before the event loop gets its turn. */
const chaseStepWork = 2e7;

/**
 * Chases the bulges of sweeps 0 … count − 1, some at a time.
 * @param sweepWork multiply–adds of the longest sweep, about
 * @param chase runs the sweeps from … to − 1
 */
export function* chaseSweeps(count: number, size: number, sweepWork: number, chase: (from: number, to: number) => void): Steps<void> {
  const sweeps = Math.max(1, Math.floor(chaseStepWork / sweepWork));
  for (let i = 0; i < count; i += sweeps) {
    chase(i, i + sweeps);
    yield 2 * sweeps * sweepWork * (1 - i / size);
  }
}

/** Bytes of the companion for the band of a matrix with this smaller side, where there is one. */
export function companionBytes(size: number): number {
  return size >= threadsPayFrom ? kernelOverheadBytes + alignedBytes(bandLength(size, bandWidth(size))) + linesOfValues * alignedBytes(size) : 0;
}
