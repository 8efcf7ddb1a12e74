import assert from 'node:assert/strict';
import { unitsForAllThreads } from '../../../server/analyses/schedule.js';

const unit = (predictedBytes: number, predictedSeconds: number) => ({ predictedBytes, predictedSeconds });

describe('threads of units', () => {
  it('gives a single unit every thread, and none any where there is one thread', () => {
    const only = unit(10, 1);
    assert.deepEqual(unitsForAllThreads([only], 2, 100), new Set([only]));
    assert.deepEqual(unitsForAllThreads([only], 1, 100), new Set());
    assert.deepEqual(unitsForAllThreads([], 4, 100), new Set());
  });

  it('gives the last of an odd number of equal units every thread', () => {
    const equal = Array.from({ length: 5 }, () => unit(10, 1));
    assert.deepEqual(unitsForAllThreads(equal, 2, 100), new Set([equal[4]]));
    assert.deepEqual(unitsForAllThreads(equal.slice(1), 2, 100), new Set());
  });

  it('gives one that outlasts all others every thread', () => {
    const [large, ...small] = [unit(50, 10), unit(1, 1), unit(1, 1), unit(1, 1)];
    assert.deepEqual(unitsForAllThreads([...small, large], 2, 100), new Set([large]));
    assert.deepEqual(unitsForAllThreads([unit(50, 4), ...small], 2, 100), new Set());
  });

  it('gives every thread to those that the memory budget lets run alone', () => {
    const wide = [unit(80, 3), unit(70, 3), unit(20, 3)];
    // The third runs beside the first; the second is alone after that.
    assert.deepEqual(unitsForAllThreads(wide, 2, 100), new Set([wide[1]]));
  });
});
