/**
 * Singular values as text in full float64 precision (the shortest decimals that read back the same): one a line under
 * the heading `sigma`, or a numpy expression.
 */
export function singularValuesText(values: readonly number[], format: 'csv' | 'numpy'): string {
  return format === 'csv' ? `sigma\n${values.join('\n')}\n` : `np.array([${values.join(', ')}])`;
}
