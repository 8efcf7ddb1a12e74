/**
 * Bulge chasing in groups of sweeps, by one thread or several over one memory.
 *
 * A group's sweeps go through the band together, each a few steps behind the one before, so that what they touch stays in
 * the cache (Haidar, Ltaief and Dongarra, SC'11). Threads take the groups in turns, and each follows the group before
 * it at the distance at which the two touch nothing in common (Lang, Parallel Computing 19, 1993). Every element is
 * computed from the same numbers in the same order, whatever the groups and threads.
 *
 * `progress` holds for each group how many steps its last sweep has finished: a 32-bit integer in a cache line of its own, zero
 * before it begins.
 */

/** Most sweeps of a group. */
export const largestGroup: i32 = 8;
/** A group takes at most this share of the steps of its sweeps from its first sweep to its last, so that the next group is not kept waiting. */
const stepsPerSweep: i32 = 6;
const leastGroup: i32 = 2;

/** Sweeps of the group whose first sweep has the given number of steps. */
function groupSize(steps: i32): i32 {
  return max(leastGroup, min(largestGroup, steps / stepsPerSweep));
}

/** A group that is done counts as being this far. */
const finished: i32 = 0x7fffffff;
/** Looks at the other thread's progress before this one sleeps for a moment: some ten microseconds. */
const looks: i32 = 8192;
const lineShift: usize = 6;

/** Lets the thread sleep for a moment: a function of the host. */
@external('env', 'pause')
declare function pause(): void;

/** Waits until a group has finished `steps` steps; returns how many it has. */
function awaitSteps(progress: usize, group: i32, steps: i32): i32 {
  if (!ASC_FEATURE_THREADS) return finished;
  const word = progress + (<usize>group << lineShift);
  let left = looks;
  while (true) {
    const done = atomic.load<i32>(word);
    if (done >= steps) return done;
    if (--left > 0) continue;
    pause();
    left = looks;
  }
}

function announceSteps(progress: usize, group: i32, steps: i32): void {
  if (ASC_FEATURE_THREADS) atomic.store<i32>(progress + (<usize>group << lineShift), steps);
}

/**
 * One step of sweep number `sweep` of its group: the block from row and column `first` on, after the one from `before` on;
 * `begins` for the first step of a sweep.
 */
export type ChaseStep = (band: usize, n: i32, b: i32, before: i32, first: i32, begins: bool, sweep: i32) => void;

/**
 * Every `parts`-th group of the sweeps from … to − 1, from number `part` on: what one of `parts` threads does.
 * @param distance steps that a sweep must be ahead for the next one's to share no element with those still to come
 */
export function chaseGroups(step: ChaseStep, distance: i32, band: usize, n: i32, b: i32, from: i32, to: i32, part: i32, parts: i32, progress: usize): void {
  for (let first = from, group = 0, count = 0; first < to; first += count, group++) {
    const steps = (n - first - 2) / b + 1;
    count = min(to - first, groupSize(steps));
    if (group % parts != part) continue;
    let ahead = parts > 1 && group > 0 ? 0 : steps + distance;
    // Sweep k of the group is distance − 1 steps behind sweep k − 1, whose turn comes first.
    for (let t = 0; t < steps + (count - 1) * (distance - 1); t++) {
      if (t < steps && ahead < t + distance) ahead = awaitSteps(progress, group - 1, t + distance);
      for (let k = 0; k < count; k++) {
        const s = t - k * (distance - 1), i = first + k, place = i + 1 + s * b;
        if (s >= 0 && place < n) step(band, n, b, s == 0 ? i : place - b, place, s == 0, k);
      }
      if (parts > 1) announceSteps(progress, group, t - (count - 1) * (distance - 1) + 1);
    }
    if (parts > 1) announceSteps(progress, group, finished);
  }
}
