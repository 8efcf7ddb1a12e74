/** What the order of units depends on. */
export interface ScheduledUnit {
  predictedBytes: number;
  predictedSeconds: number;
}

/** A unit that has the machine to itself for at least this share of its time gets all threads. */
const aloneShare = 0.5;

/**
 * Which units should use every thread, because most of their time no other one runs beside them: the largest of a few,
 * the last, or those that fill the memory budget alone. It is foreseen from the predictions, as the pool will go about
 * it (largest first, within the budget), and not decided while units run, since the last digits of a result depend on
 * the number of threads: the same plan gives the same bytes. Cost O(units²) at worst, of comparisons.
 */
export function unitsForAllThreads<Unit extends ScheduledUnit>(units: readonly Unit[], threads: number, budgetBytes: number): Set<Unit> {
  if (threads < 2) return new Set();
  const waiting = [...units].sort((a, b) => b.predictedBytes - a.predictedBytes);
  const running: { unit: Unit; end: number }[] = [];
  const alone = new Map<Unit, number>();
  let now = 0;
  while (waiting.length > 0 || running.length > 0) {
    const held = running.reduce((sum, { unit }) => sum + unit.predictedBytes, 0);
    const next = running.length < threads ? waiting.findIndex((unit) => running.length === 0 || held + unit.predictedBytes <= budgetBytes) : -1;
    if (next >= 0) {
      const [unit] = waiting.splice(next, 1);
      running.push({ unit, end: now + unit.predictedSeconds });
      continue;
    }
    const first = running.reduce((a, b) => (b.end < a.end ? b : a));
    if (running.length === 1) alone.set(first.unit, (alone.get(first.unit) ?? 0) + first.end - now);
    now = first.end;
    running.splice(running.indexOf(first), 1);
  }
  return new Set(units.filter((unit) => (alone.get(unit) ?? 0) >= aloneShare * unit.predictedSeconds));
}
