import { formatCount, formatLimit, formatNumber, formatShare, statisticDigits } from './numbers.js';

/**
 * Titles and messages of the weight rules. A title has at most 60 characters; a message at most 240 and two sentences:
 * what is, with its number and limit; then what to do or what it does not mean.
 */
export interface FindingText {
  title: string;
  message: string;
}

/** Ids are cut on the left beyond this, since the tail tells layers apart. */
const longestId = 40;
/** Characters of a message. */
export const longestMessage = 240;

/** Digits of a ratio to a limit. */
const ratioDigits = 2;

/** An id in a sentence: `…base_net.12.3`. */
export function quotedId(id: string): string {
  // Not inside of a surrogate pair.
  const tail = id.slice(1 - longestId).replace(/^[\udc00-\udfff]/u, '');
  return `\`${id.length > longestId ? `…${tail}` : id}\``;
}

const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);

export function nonFiniteText(id: string, count: number, firstIndex: number): FindingText {
  const values = plural(count, 'value that is NaN or infinite, at', 'values that are NaN or infinite, the first at');
  return {
    title: `${formatCount(count)} ${plural(count, 'weight is', 'weights are')} NaN or infinite`,
    message: `${quotedId(id)} has ${formatCount(count)} ${values} flat index ${formatCount(firstIndex)}. Its spectrum is not computed; restore this tensor from an earlier checkpoint.`,
  };
}

export function zeroTensorText(id: string, elements: number): FindingText {
  return {
    title: 'All weights are 0',
    message: `All ${formatCount(elements)} weights of ${quotedId(id)} are 0. Check that it was saved after initialisation and is not a placeholder.`,
  };
}

/** One action for all layers with dead units, so that a list of them says it once. */
const aboutDeadUnits = 'Remove dead units or find why they died.';

/**
 * Rows whose own weights are negligible; those of an embedding are its entries.
 *
 * @param rowShare the limit, as a share of the median norm
 */
export function deadRowsText(id: string, dead: number, rows: number, largestNorm: number, medianNorm: number, rowShare: number, kind: string): FindingText {
  const entries = kind === 'embedding';
  const what = `${formatCount(dead)} of ${formatCount(rows)} ${entries ? 'entries' : 'units'}`;
  const weights = largestNorm === 0 ? 'only weights 0' : `weights of norm ≤ ${formatNumber(largestNorm)}`;
  const effect = entries ? '' : `: ${plural(dead, 'it puts', 'they put')} out ${largestNorm === 0 ? 'only' : 'almost only'} ${plural(dead, 'its bias', 'their bias')}`;
  const action = entries
    ? 'Padding and tokens that never occurred look like this; otherwise find why they died.'
    : largestNorm === 0
      ? 'Remove dead units, unless they are 0 by design.'
      : aboutDeadUnits;
  return {
    title: `${what} ${plural(dead, 'is', 'are')} dead`,
    message: `${quotedId(id)}: ${what} ${plural(dead, 'has', 'have')} ${weights} (limit ${formatLimit(rowShare)} × the median norm ${formatNumber(medianNorm)})${effect}. ${action}`,
  };
}

/**
 * Units that have weights, but whose output every reading layer drops.
 *
 * @param largestShare of the reader's median norm, with which one of them is read; its limit is `columnShare`
 * @param dead further units whose own weights have at most the share `rowShare` of the layer's median norm
 */
export function ignoredUnitsText(id: string, ignored: number, units: number, readers: readonly string[], largestShare: number, columnShare: number, dead: number, rowShare: number): FindingText {
  const all = formatCount(units);
  const norms = largestShare === 0 ? 'weights 0' : `norms ≤ ${formatNumber(largestShare, ratioDigits)} × the median`;
  const more = dead > 0 ? `, and ${formatCount(dead)} more ${plural(dead, 'has', 'have')} norms near 0` : '';
  const limits = dead > 0 && rowShare !== columnShare ? `limits ${formatLimit(columnShare)} and ${formatLimit(rowShare)}` : `limit ${formatLimit(columnShare)}`;
  const readBy = (by: string): string =>
    `${quotedId(id)}: ${formatCount(ignored)} of ${all} units ${plural(ignored, 'is', 'are')} read by ${by} with ${norms}${more} (${limits}). ${aboutDeadUnits}`;
  const total = dead + ignored;
  const named = readBy(quotedId(readers[0]));
  return {
    title: `${formatCount(total)} of ${all} units ${plural(total, 'is', 'are')} dead`,
    message: readers.length > 1 ? readBy(`all ${formatCount(readers.length)} layers that read it`) : named.length <= longestMessage ? named : readBy('the layer that reads it'),
  };
}

export function duplicateText(id: string, original: string): FindingText {
  return {
    title: 'The same bytes as another layer',
    message: `${quotedId(id)} holds the same bytes as ${quotedId(original)}. If the weights are tied on purpose, silence this finding; otherwise look at how the second was initialised.`,
  };
}

export function constantText(id: string, value: number): FindingText {
  return {
    title: `Every weight is ${formatNumber(value)}`,
    message: `Every weight of ${quotedId(id)} is ${formatNumber(value)}. It has rank 1, so all its units compute the same; check its initialisation.`,
  };
}

export function noiseLikeText(id: string, edge: number, ks: number, pValue: number, level: number): FindingText {
  return {
    title: `Looks like random weights (p ${formatNumber(pValue, statisticDigits)})`,
    message: `${quotedId(id)} cannot be told from random weights: no singular value above the 99.5 % noise edge ${formatNumber(edge)}, KS distance ${formatNumber(ks, statisticDigits)} (p ${formatNumber(pValue, statisticDigits)}, α ${formatLimit(level)}). Compare with its initial weights before you prune or freeze it.`,
  };
}

export function rankCollapsedText(id: string, directions: number, share: number, limit: number): FindingText {
  return {
    title: `One direction holds ${formatShare(share)} of the energy`,
    message: `${quotedId(id)}: one direction of ${formatCount(directions)} holds ${formatShare(share)} of the energy Σσ² (limit ${formatLimit(100 * limit)} %); a rank-1 copy is off by ${formatShare(Math.sqrt(1 - share), statisticDigits)} of the norm. Narrow the layer, or look for one input that dominates the others.`,
  };
}

/**
 * One action for all, so that a list of layers says it once.
 *
 * @param overRank the condition number over the numerical rank `rank`
 */
export function illConditionedText(id: string, conditionNumber: number, overRank: number, rank: number, directions: number, limit: number): FindingText {
  const kappa = `κ ${formatNumber(conditionNumber)}`;
  const start = `${quotedId(id)}: condition number ${kappa} (limit ${formatLimit(limit)})`;
  const matters = 'No action for this alone: it matters where the layer is inverted.';
  const all = formatCount(directions);
  if (rank === directions) return { title: `${kappa} over all ${all} directions`, message: `${start} over all ${all} directions. ${matters}` };
  const missing = directions - rank;
  const nullDirections = `${formatCount(missing)} null ${plural(missing, 'direction', 'directions')}`;
  const without = plural(missing, 'without it', 'without them');
  const numericallyZero = `${formatCount(missing)} of ${all} directions ${plural(missing, 'is', 'are')} numerically 0`;
  if (overRank >= limit) return { title: `${kappa}, and ${nullDirections}`, message: `${start}: ${numericallyZero}, ${without} κ stays ${formatNumber(overRank)}. ${matters}` };
  return { title: `${kappa} comes from ${nullDirections}`, message: `${start}: ${numericallyZero}, ${without} κ is ${formatNumber(overRank)}. ${matters}` };
}

/**
 * @param edge null where the layer has no edge to compare with
 * @param limits of σ₁ over σ₂ and over the edge: the title names the one that is passed, σ₂ before the edge
 */
export function outlierSpikeText(id: string, first: number, second: number, edge: number | null, limits: { overSecond: number; overEdge: number }): FindingText {
  const overSecond = second > 0 ? `${formatNumber(first / second, ratioDigits)} × σ₂` : 'the only value';
  const overEdge = edge === null ? null : `${formatNumber(first / edge, ratioDigits)} × the noise edge`;
  const secondLimit = second > 0 ? ` (limit ${formatLimit(limits.overSecond)})` : '';
  const beside = overEdge === null ? '' : ` and ${overEdge} (limit ${formatLimit(limits.overEdge)})`;
  return {
    title: overEdge !== null && first / second < limits.overSecond ? `σ₁ is ${overEdge}` : `σ₁ is ${overSecond}`,
    message: `${quotedId(id)}: its largest singular value σ₁ ${formatNumber(first)} is ${overSecond}${secondLimit}${beside}. Look at what this direction does before you quantise or prune the layer.`,
  };
}
