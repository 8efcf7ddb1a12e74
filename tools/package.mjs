// Packages the extension as one .vsix per platform, with onnxruntime's binary for that platform alone.
//   node tools/package.mjs [--target linux-x64 | all] [--out FOLDER]      default: this machine's platform, dist/
// Needs a built dist/ (npm run build). The platforms that onnxruntime does not serve get a package without it:
// weight analysis works there, what needs the runtime says why it is missing.
import { createRequire } from 'node:module';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from './lib/run.mjs';

/** VS Code's target → onnxruntime-node's binary folder, null where it has none. */
const targets = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
  'darwin-arm64': 'darwin/arm64',
  'darwin-x64': null,
  'alpine-x64': null,
  'alpine-arm64': null,
};
const binaries = 'bin/napi-v6';
/** Of dist/ the programs that the build makes: the notices speak of no others. */
const programs = ['extension', 'client', 'server', 'worker', 'cli', 'webview'].map((name) => `dist/${name}.js`);
const shipped = [...programs, 'dist/ThirdPartyNotices.txt', 'media', 'docs', 'l10n', 'package.json', 'package.nls.json', 'README.md', 'CHANGELOG.md', 'LICENSE'];
const requireHere = createRequire(import.meta.url);

const { values } = parseArgs({ options: { target: { type: 'string' }, out: { type: 'string' } } });
const wanted = values.target === 'all' ? Object.keys(targets) : [values.target ?? `${process.platform}-${process.arch}`];
const out = path.resolve(values.out ?? path.join(repository, 'dist'));
for (const target of wanted) {
  if (!(target in targets)) {
    console.error(`"${target}" is no target; choose one of ${Object.keys(targets).join(', ')} or all.`);
    process.exit(2);
  }
}
for (const built of ['dist/extension.js', 'dist/ThirdPartyNotices.txt']) {
  if (existsSync(path.join(repository, built))) continue;
  console.error(`There is no ${built} to package; run npm run build first.`);
  process.exit(2);
}
const { createVSIX } = requireHere('@vscode/vsce');
const manifest = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8'));
for (const target of wanted) {
  const stage = mkdtempSync(path.join(tmpdir(), 'sigma-package-'));
  try {
    fillStage(stage, targets[target]);
    const file = path.join(out, `sigmascope-${target}-${manifest.version}.vsix`);
    mkdirSync(out, { recursive: true });
    await createVSIX({ cwd: stage, packagePath: file, target, dependencies: false, allowMissingRepository: true, rewriteRelativeLinks: false });
    console.log(`${path.relative(process.cwd(), file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** What ships: the built programs without source maps, the licences of what they contain, texts and pictures, and the runtime for one platform. */
function fillStage(stage, runtime) {
  for (const entry of shipped) {
    const from = path.join(repository, entry);
    if (existsSync(from)) cpSync(from, path.join(stage, entry), { recursive: true, filter: (file) => !/\.(map|vsix)$/.test(file) });
  }
  const kept = Object.entries(manifest).filter(([name]) => !['devDependencies', 'dependencies', 'scripts', 'overrides'].includes(name));
  writeFileSync(path.join(stage, 'package.json'), JSON.stringify(Object.fromEntries(kept), null, 2));
  if (runtime === null) return;
  // Under dist/, where the programs are: the packager passes over node_modules at the top.
  const modules = path.join(stage, 'dist/node_modules');
  for (const name of ['onnxruntime-node', 'onnxruntime-common']) copyModule(name, path.join(modules, name), runtime);
}

function copyModule(name, to, runtime) {
  const from = path.join(repository, 'node_modules', name);
  const platforms = path.join(from, binaries);
  cpSync(from, to, {
    recursive: true,
    filter: (file) => {
      if (/\.(map|ts|mts|cts)$/.test(file) || /^script/.test(path.relative(from, file))) return false;
      const inside = path.relative(platforms, file).split(path.sep).join('/');
      return inside.startsWith('..') || inside === '' || runtime.startsWith(inside) || inside.startsWith(runtime);
    },
  });
  if (name === 'onnxruntime-node' && readdirSync(path.join(to, binaries, runtime)).length === 0) {
    throw new Error(`onnxruntime-node has no binary for ${runtime}.`);
  }
}
