import * as vscode from 'vscode';

/** A rule's id is its page's path: "weights/dead-units" is docs/rules/weights/dead-units.md. Nothing else may be named. */
const ruleId = /^[a-z]+\/[a-z0-9-]+$/;

/**
 * Opens a rule's page, which ships with the extension, as a Markdown preview.
 * @throws when the rule has no page
 */
export async function openRulePage(extension: vscode.Uri, rule: string): Promise<void> {
  const page = vscode.Uri.joinPath(extension, 'docs', 'rules', `${ruleId.test(rule) ? rule : 'unknown'}.md`);
  try {
    await vscode.workspace.fs.stat(page);
  } catch (error) {
    throw new Error(vscode.l10n.t('There is no page about the rule {0}.', rule), { cause: error });
  }
  await vscode.commands.executeCommand('markdown.showPreviewToSide', page);
}
