/**
 * One row of WeightWatcher's `analyze()` (version 0.7.5.5), in its column order. What does not exist is null and an
 * empty cell, never −1. Definitions and the peer's listed defects: docs/report.md.
 */
export interface WeightWatcherRow {
  layer_id: number;
  name: string;
  /** Kolmogorov–Smirnov distance of the power-law fit. */
  D: number | null;
  /** Smaller and larger side of one slice. */
  M: number;
  N: number;
  Q: number;
  alpha: number | null;
  alpha_weighted: number | null;
  entropy: number | null;
  has_esd: boolean;
  lambda_max: number | null;
  layer_type: string;
  log_alpha_norm: number | null;
  log_norm: number | null;
  log_spectral_norm: number | null;
  longname: string;
  matrix_rank: number | null;
  norm: number | null;
  num_evals: number;
  num_pl_spikes: number | null;
  rank_loss: number | null;
  /** Receptive field: kernel height times width. */
  rf: number;
  sigma: number | null;
  spectral_norm: number | null;
  stable_rank: number | null;
  status: string;
  sv_max: number | null;
  sv_min: number | null;
  warning: string;
  weak_rank_loss: number | null;
  xmax: number | null;
  xmin: number | null;
}

/** The columns in order: the alphabet, capitals first, after `layer_id` and `name`. */
export const weightWatcherColumns: readonly (keyof WeightWatcherRow)[] = [
  'layer_id', 'name', 'D', 'M', 'N', 'Q', 'alpha', 'alpha_weighted', 'entropy', 'has_esd', 'lambda_max', 'layer_type',
  'log_alpha_norm', 'log_norm', 'log_spectral_norm', 'longname', 'matrix_rank', 'norm', 'num_evals', 'num_pl_spikes',
  'rank_loss', 'rf', 'sigma', 'spectral_norm', 'stable_rank', 'status', 'sv_max', 'sv_min', 'warning', 'weak_rank_loss', 'xmax', 'xmin',
];
