// The licences of what ships with the extension, as dist/ThirdPartyNotices.txt: of every package that esbuild puts into a
// program (from its metafiles), of the AssemblyScript library inside the kernel and of onnxruntime.
// A package without a licence text, or with a licence that is not known to go with this project's, ends the build.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from './lib/run.mjs';

/** Licences that ask for nothing but their text beside the copies (Apache-2.0: its NOTICE too). */
const compatible = new Set(['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']);
const licenceFile = /^(licen[cs]e|copying)([.-].*)?$/i;
const noticeFile = /^(notice|third-?party-?notices)(\.(txt|md))?$/i;
/** Parts of AssemblyScript's library are compiled into the kernel; tools/package.mjs copies onnxruntime beside the programs. */
const besidesBundles = ['node_modules/assemblyscript', 'node_modules/onnxruntime-node', 'node_modules/onnxruntime-common'];
/** The packages of onnxruntime say MIT and bring no text; this is the one of https://github.com/microsoft/onnxruntime. */
const onnxruntimeLicence = [
  'MIT License\n\nCopyright (c) Microsoft Corporation',
  mitTerms('LICENSE'),
  'The software inside its binary: https://github.com/microsoft/onnxruntime/blob/main/ThirdPartyNotices.txt',
].join('\n\n');
const textsElsewhere = new Map([['onnxruntime-node', onnxruntimeLicence], ['onnxruntime-common', onnxruntimeLicence]]);

/** Folder of each package in the bundles → its files there. */
export function bundledPackages(metafiles) {
  const packages = new Map();
  for (const { outputs } of metafiles) {
    for (const [file, { bytesInOutput }] of Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs))) {
      const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file) ?? [];
      if (folder === undefined || bytesInOutput === 0) continue;
      packages.set(folder, (packages.get(folder) ?? new Set()).add(file));
    }
  }
  return packages;
}

/** Name, version, licence and the texts to hand on of the package in a folder, with what the heads of its `files` say beyond them. */
export function noticeOf(folder, files = []) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (!compatible.has(license)) throw new Error(`${name} ${version} is under "${license}", which is not among ${[...compatible].join(', ')}: do not ship it, or enter the licence in tools/notices.mjs.`);
  const read = (pattern) => readdirSync(folder).filter((file) => pattern.test(file)).map((file) => clean(readFileSync(path.join(folder, file), 'utf8')));
  const texts = read(licenceFile);
  if (texts.length === 0 && textsElsewhere.has(name)) texts.push(textsElsewhere.get(name));
  if (texts.length === 0) throw new Error(`${name} ${version} has no licence text in ${folder}: do not ship it without one.`);
  texts.push(...read(noticeFile));
  for (const head of new Set([...files].flatMap(copyrightComments))) {
    if (!copyrightLines(head).every((line) => words(texts.join(' ')).includes(words(line)))) texts.push(head);
  }
  return { name, version, license, text: texts.join('\n\n') };
}

/** Writes the notices of the programs with these metafiles; packages with the same texts share them. */
export function writeNotices(metafiles, file) {
  const packages = bundledPackages(metafiles);
  for (const folder of besidesBundles) packages.set(folder, packages.get(folder) ?? new Set());
  const byText = new Map();
  for (const [folder, files] of packages) {
    const { name, version, license, text } = noticeOf(folder, files);
    byText.set(text, (byText.get(text) ?? new Set()).add(`${name} ${version} (${license})`));
  }
  const sections = [...byText].map(([text, names]) => `${[...names].sort().join('\n')}\n\n${text}\n`).sort();
  const rule = `\n${'-'.repeat(80)}\n\n`;
  writeFileSync(file, ['Sigmascope contains the following software under the licences that are printed with it.\n', ...sections].join(rule));
}

/** Of a MIT licence (this project's own, say) what is the same in each: all below the copyright. */
function mitTerms(file) {
  const text = clean(readFileSync(path.join(repository, file), 'utf8'));
  return text.slice(text.indexOf('Permission is hereby granted'));
}

/** Comments before the first line of code that state a copyright. */
function copyrightComments(file) {
  const [head] = /^(\s*(\/\/.*|\/\*[^]*?\*\/|["']use strict["'];))*/.exec(readFileSync(file, 'utf8'));
  return (head.match(/(\/\/.*\n?)+|\/\*[^]*?\*\//g) ?? []).filter((comment) => copyrightLines(comment).length > 0).map(clean);
}

function copyrightLines(text) {
  return text.match(/copyright\b.*\d{4}.*|copyright \(c\).*/gi) ?? [];
}

function clean(text) {
  return text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n').replace(/[ \t]+$/gm, '').trim();
}

/** Letters and digits alone, to compare texts that are broken into lines differently. */
function words(text) {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
}
