import * as vscode from 'vscode';
import { type Severity } from '../../server/report/report.js';
import { type Health } from './reportDocument.js';

const severityIcons: Record<Severity, vscode.ThemeIcon> = {
  error: new vscode.ThemeIcon('error', new vscode.ThemeColor('editorError.foreground')),
  warning: new vscode.ThemeIcon('warning', new vscode.ThemeColor('editorWarning.foreground')),
  information: new vscode.ThemeIcon('info', new vscode.ThemeColor('editorInfo.foreground')),
  hint: new vscode.ThemeIcon('lightbulb'),
};

/** The mark of a severity, in the theme's colours. */
export function severityIcon(severity: Severity): vscode.ThemeIcon {
  return severityIcons[severity];
}

/** Keeps the text of rows without a mark in line with the others. */
export const noMark = new vscode.ThemeIcon('blank');
export const skippedMark = new vscode.ThemeIcon('circle-slash');
export const silencedMark = new vscode.ThemeIcon('bell-slash');

/** The mark of a model in the tree. Healthy is colourless. */
export function healthIcon(health: Health, media: vscode.Uri): vscode.ThemeIcon | { light: vscode.Uri; dark: vscode.Uri } {
  switch (health.mark) {
    case 'findings':
      return severityIcon(health.severity);
    case 'failed':
      return severityIcon('error');
    case 'clean':
      return new vscode.ThemeIcon('check');
    case 'running':
      return new vscode.ThemeIcon('loading~spin');
    case 'unknown':
      return { light: vscode.Uri.joinPath(media, 'not-analysed-light.svg'), dark: vscode.Uri.joinPath(media, 'not-analysed-dark.svg') };
  }
}
