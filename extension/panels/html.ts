import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

const nonceBytes = 16;

/** What a webview of ours may do: run its one script, load nothing else. */
export function webviewOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, localResourceRoots: [vscode.Uri.joinPath(extension, 'dist')] };
}

/**
 * The page of the report panel and of the spectrum view: one script, which draws everything.
 * No eval and no inline code: `script-src` names one nonce; the styles that the script adds carry the same nonce.
 */
export function page(webview: vscode.Webview, extension: vscode.Uri, title: string, view: 'report' | 'spectrum'): string {
  const nonce = randomBytes(nonceBytes).toString('hex');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(extension, 'dist', 'webview.js')).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}' ${webview.cspSource}`,
    `img-src ${webview.cspSource} data:`,
    `font-src ${webview.cspSource}`,
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escapeHtml(title)}</title>
</head>
<body data-view="${view}" data-nonce="${nonce}">
<div id="root"></div>
<script nonce="${nonce}" src="${escapeHtml(script)}"></script>
</body>
</html>`;
}

/** File names are other people's text. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
