import { activeFindings } from './layerFacts.js';
import { formatCount, formatNumber } from './numbers.js';
import { absentWords, emptyLayerRules, rulePhrase } from './rulePhrases.js';
import type { Finding } from './report.js';
import type { Answer, LayerRow, ReportOverview } from './views.js';
import { capitalised, listed, plural } from './wording.js';

/** A layer is said to stand apart when its σ₁ is that many times the median layer's … */
const standoutRatio = 10;
/** … of at least this many layers: a median of fewer is no comparison. */
const standoutLayers = 5;
/** More rules than that in one sentence cannot be read. */
const rulesInSentence = 3;

/**
 * The first lines of the Overview: is anything wrong, and where? Complete answers are given for finished analyses
 * only; before that the sentence says how far the analysis is.
 *
 * @param progress layers done and layers in all, where the rows do not tell (a saved report of a run that was cut off)
 */
export function overviewAnswer(overview: Omit<ReportOverview, 'answer'>, progress = progressOf(overview)): Answer {
  return { ...sentences(overview, progress), basis: basisOf(overview) };
}

interface Progress {
  done: number;
  total: number;
}

/** Layers that were passed over need not have a row. */
function progressOf({ rows, skipped }: Pick<ReportOverview, 'rows' | 'skipped'>): Progress {
  const shown = new Set(rows.map((row) => row.id));
  const lost = new Set(skipped.flatMap((entry) => (entry.layer === undefined || entry.operator !== undefined || shown.has(entry.layer) ? [] : [entry.layer])));
  return { done: rows.filter((row) => row.state === 'done').length, total: rows.length + lost.size };
}

function sentences(overview: Omit<ReportOverview, 'answer'>, { done, total }: Progress): Omit<Answer, 'basis'> {
  const doneLayers = `${done} of ${plural(total, 'layer')}`;
  const kept = 'What was done is exact; the answer for the whole model is withheld.';
  switch (overview.state) {
    case 'listed':
      return total === 0 ? noLayer(overview) : { verdict: `${plural(total, 'layer')} and ${plural(overview.model.parameters, 'weight')}, not analysed yet.`, rest: '' };
    case 'running':
      return { verdict: `${doneLayers} analysed.`, rest: '' };
    case 'cancelled':
      return { verdict: `Cancelled after ${doneLayers}.`, rest: joined(broken(overview, done)?.verdict, kept) };
    case 'timeout':
      return { verdict: `Timed out after ${doneLayers}.`, rest: joined(broken(overview, done)?.verdict, kept) };
    case 'failed':
      return { verdict: `The analysis stopped after ${doneLayers}.`, rest: joined(broken(overview, done)?.verdict, kept) };
    default:
      return total === 0 ? noLayer(overview) : verdictOf(overview, { done, total });
  }
}

function noLayer({ skipped }: Pick<ReportOverview, 'skipped'>): Omit<Answer, 'basis'> {
  const tensors = skipped.filter((entry) => entry.tensor !== undefined).length;
  if (tensors === 0) return { verdict: 'There is no layer to analyse.', rest: 'The file holds no tensor.' };
  return { verdict: 'There is no layer to analyse.', rest: tensors === 1 ? 'Its only tensor was passed over, for the reason given.' : `All ${plural(tensors, 'tensor')} were passed over; each is listed with its reason.` };
}

/** The answer of a finished analysis: broken, then incomplete, then warned of, then sound. */
function verdictOf(overview: Omit<ReportOverview, 'answer'>, progress: Progress): Omit<Answer, 'basis'> {
  const { done, total } = progress;
  if (done === 0) return { verdict: missing(progress), rest: 'Nothing can be said of the model; the reasons are listed.' };
  const findings = activeFindings(overview.findings);
  const warnings = ruleSentences(findings, 'warning', done);
  const wrong = broken(overview, done);
  if (wrong !== null) return { verdict: wrong.verdict, rest: joined(warnings.length > 0 ? `${listed(warnings)}.` : undefined, missing(progress)) };

  const absent = absence(findings);
  if (warnings.length > 0) {
    const empty = findings.some((finding) => finding.severity === 'warning' && emptyLayerRules.includes(finding.rule));
    return { verdict: empty ? `${capitalised(listed(warnings))}.` : `Nothing is broken; ${listed(warnings)}.`, rest: joined(missing(progress), absent) };
  }
  if (done < total) return { verdict: missing(progress), rest: joined(`Nothing is broken in ${done === 1 ? 'it' : 'these'}.`, absent) };

  const apart = standout(overview.rows);
  const sound = `Nothing is broken in ${plural(total, 'layer')}.`;
  if (apart !== null) return { verdict: apart, rest: joined(sound, absent) };
  const remarks = ruleSentences(findings, 'information', done);
  return { verdict: sound, rest: joined(remarks.length > 0 ? `Worth knowing: ${listed(remarks)}.` : undefined, absent) };
}

/** `1 of 8 layers is broken: fc2 holds NaN or infinity.` */
function broken(overview: Omit<ReportOverview, 'answer'>, of: number): { verdict: string } | null {
  const errors = activeFindings(overview.findings).filter((finding) => finding.severity === 'error');
  if (errors.length === 0) return null;
  const layers = layersOf(errors);
  const first = errors[0];
  const head = layers.length === 0 ? 'The model is broken' : `${capitalised(ofLayers(layers.length, of))} ${layers.length === 1 ? 'is' : 'are'} broken`;
  if (first.layer === undefined) return { verdict: `${head}: ${first.title}.` };
  const more = layers.length > 1 ? `, and ${plural(layers.length - 1, 'more layer', 'more layers')}` : '';
  return { verdict: `${head}: ${first.layer} ${rulePhrase(first.rule, 1)}${more}.` };
}

/** `4 of 8 layers have dead units` for every rule with findings of that severity, the most frequent first. */
function ruleSentences(findings: readonly Finding[], severity: Finding['severity'], of: number): string[] {
  const byRule = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.severity === severity) byRule.set(finding.rule, [...(byRule.get(finding.rule) ?? []), finding]);
  }
  const counted = [...byRule].map(([rule, found]) => ({ rule, layers: layersOf(found).length })).sort((a, b) => b.layers - a.layers);
  const named = counted.slice(0, rulesInSentence).map(({ rule, layers }, i) => `${i === 0 ? ofLayers(layers, of) : formatCount(layers)} ${rulePhrase(rule, layers)}`);
  const others = counted.length - named.length;
  return others > 0 ? [...named, `${plural(others, 'more rule')} found something`] : named;
}

/** `4 of 8 layers`; `all 8 layers`. */
function ofLayers(layers: number, of: number): string {
  return layers >= of && layers > 1 ? `all ${plural(layers, 'layer')}` : `${formatCount(layers)} of ${plural(Math.max(of, layers), 'layer')}`;
}

function layersOf(findings: readonly Finding[]): string[] {
  return [...new Set(findings.flatMap((finding) => finding.layer ?? []))];
}

function absence(findings: readonly Finding[]): string {
  const words = absentWords(new Set(findings.map((finding) => finding.rule)));
  return words.length === 0 ? '' : `No layer was found to be ${words.length === 1 ? words[0] : `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`}.`;
}

function missing({ done, total }: Progress): string {
  return done === total ? '' : `${formatCount(done)} of ${plural(total, 'layer')} analysed; ${formatCount(total - done)} skipped.`;
}

/** The layer with the largest σ₁, where it is far above the median layer. */
function standout(rows: readonly LayerRow[]): string | null {
  const norms = rows.flatMap((row) => (row.spectralNorm === null ? [] : [{ id: row.id, norm: row.spectralNorm }])).sort((a, b) => a.norm - b.norm);
  if (norms.length < standoutLayers) return null;
  const middle = norms.length / 2;
  const median = (norms[Math.ceil(middle) - 1].norm + norms[Math.floor(middle)].norm) / 2;
  const top = norms[norms.length - 1];
  if (median === 0 || top.norm < standoutRatio * median) return null;
  return `${top.id} stands apart: σ₁ ${formatNumber(top.norm)}, ${formatNumber(top.norm / median, 3)} × the median layer.`;
}

/** What the numbers rest on. */
function basisOf(overview: Omit<ReportOverview, 'answer'>): string {
  const { rows, skipped, state } = overview;
  if (state === 'listed') return 'Read on this machine; no code in the file is run and nothing is sent.';
  const computed = rows.filter((row) => row.state === 'done');
  const nonFinite = computed.filter((row) => row.spectralNorm === null).length;
  const others = skipped.filter((entry) => entry.tensor !== undefined && entry.layer === undefined).length;
  const silenced = overview.findings.length - activeFindings(overview.findings).length;
  const all = computed.length === rows.length && rows.length > 1 ? `All ${formatCount(rows.length)}` : formatCount(computed.length);
  return joined(
    state === 'stale' ? 'These numbers describe the earlier file.' : undefined,
    computed.length === 0 ? undefined : `${all} weight ${computed.length === 1 ? 'matrix' : 'matrices'} read, ${nonFinite === 0 ? 'none' : formatCount(nonFinite)} with non-finite values${others > 0 ? `; ${plural(others, 'other tensor')} listed with the reason` : ''}.`,
    rows.some((row) => row.groups > 1) ? 'Grouped convolutions: the union of their groups’ spectra.' : undefined,
    silenced > 0 ? `${plural(silenced, 'silenced finding')} not counted.` : undefined,
    computed.length === 0 ? undefined : 'Float64, exact unless marked ≈.',
  );
}

function joined(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

export { weightsAnswer } from './weightsAnswer.js';
