/** A word is taken for a slip of another one up to so many wrong, missing, added or swapped letters. */
const mostSlips = 2;

/**
 * `; did you mean …?` for the nearest of the known words, or nothing where none is near.
 * Distance: optimal string alignment (Levenshtein's with swaps of neighbours).
 */
export function suggestion(word: string, known: readonly string[]): string {
  let nearest = '';
  let fewest = Math.min(mostSlips, word.length - 2) + 1;
  for (const candidate of known) {
    const slips = slipsBetween(word, candidate);
    if (slips < fewest) [nearest, fewest] = [candidate, slips];
  }
  return nearest === '' ? '' : `; did you mean ${nearest}?`;
}

function slipsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > mostSlips) return Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2][j - 2] + 1 : Infinity;
      row.push(Math.min(changed, swapped, rows[i - 1][j] + 1, row[j - 1] + 1));
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
