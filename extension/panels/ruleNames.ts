import * as vscode from 'vscode';

/** A rule in words, for the groups of the Findings view. Unknown rules are named by their id. */
export function ruleName(rule: string): string {
  switch (rule) {
    case 'weights/non-finite':
      return vscode.l10n.t('Not finite');
    case 'weights/zero-tensor':
      return vscode.l10n.t('All zero');
    case 'weights/dead-units':
      return vscode.l10n.t('Dead units');
    case 'weights/duplicate':
      return vscode.l10n.t('Duplicate');
    case 'weights/constant':
      return vscode.l10n.t('Constant');
    case 'weights/noise-like':
      return vscode.l10n.t('Noise-like');
    case 'weights/rank-collapsed':
      return vscode.l10n.t('Rank collapsed');
    case 'weights/ill-conditioned':
      return vscode.l10n.t('Ill-conditioned');
    case 'weights/outlier-spike':
      return vscode.l10n.t('Outlier spike');
    case 'jacobian/exploding':
      return vscode.l10n.t('Exploding stretch');
    case 'jacobian/vanishing':
      return vscode.l10n.t('Vanishing gradient');
    case 'jacobian/saturated':
      return vscode.l10n.t('Saturated units');
    default:
      return rule;
  }
}
