/**
 * Quantile of the values that exist, linear between order statistics (definition 7 of Hyndman and Fan 1996, numpy's default).
 *
 * @param share 0…1
 * @returns null where no value exists. Cost O(n log n).
 */
export function quantileOf(values: readonly (number | null)[], share: number): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  return sorted.length === 0 ? null : quantileOfSorted(sorted, share);
}

/** The same of at least one value, sorted: `share` counts from the first. Cost O(1). */
export function quantileOfSorted(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}
