// Collects every visible text into l10n/bundle.l10n.json: `l10n.t('…')` in extension/ and `t('…')` in webview/.
//   node tools/l10n.mjs [--check]      with --check nothing is written; exit code 1 when the file is not up to date
// Translators copy the file to bundle.l10n.<language>.json. Keys are the English texts.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const file = path.join(root, 'l10n/bundle.l10n.json');

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
}

/** `t('…')` and `….l10n.t('…')`; a first argument that is no literal cannot be translated and is an error. */
function texts(source) {
  const tree = ts.createSourceFile(source, readFileSync(source, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    if (ts.isCallExpression(node)) {
      const called = node.expression.getText(tree);
      if (called === 't' || called.endsWith('l10n.t')) {
        const [first] = node.arguments;
        if (first && ts.isStringLiteralLike(first)) found.push(first.text);
        else throw new Error(`${path.relative(root, source)}:${tree.getLineAndCharacterOfPosition(node.pos).line + 1}: ${called}() needs a literal text first.`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** Every text of the extension and its webviews, sorted, with itself as its English. */
export function collect() {
  const all = [...sources(path.join(root, 'extension')), ...sources(path.join(root, 'webview'))].flatMap(texts);
  return Object.fromEntries([...new Set(all)].sort().map((text) => [text, text]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = `${JSON.stringify(collect(), null, 2)}\n`;
  const present = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!process.argv.includes('--check')) writeFileSync(file, wanted);
  else if (present !== wanted) {
    console.error('l10n/bundle.l10n.json is not up to date; run: node tools/l10n.mjs');
    process.exitCode = 1;
  }
}
