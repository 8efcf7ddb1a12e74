import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

interface Notices {
  bundledPackages: (metafiles: Metafile[]) => Map<string, Set<string>>;
  noticeOf: (folder: string, files?: Iterable<string>) => { name: string; version: string; license: string; text: string };
  writeNotices: (metafiles: Metafile[], file: string) => void;
}

const bundle = (...files: string[]): Metafile => ({ outputs: { 'dist/program.js': { inputs: Object.fromEntries(files.map((file) => [file, { bytesInOutput: 1 }])) } } });

describe('third-party notices', () => {
  let folder = '';
  let notices: Notices;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'sigmascope-notices-'));
    notices = (await import(pathToFileURL(path.resolve('tools/notices.mjs')).href)) as Notices;
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A package of these files in a folder of its own. */
  function packageOf(name: string, license: string, files: Record<string, string>): string {
    const at = path.join(folder, 'node_modules', name);
    mkdirSync(at, { recursive: true });
    for (const [file, text] of Object.entries({ ...files, 'package.json': JSON.stringify({ name, version: '1.2.3', license }) })) writeFileSync(path.join(at, file), text);
    return at;
  }

  it('finds the packages of a bundle: scoped and nested ones, and none whose code was left out', () => {
    const metafile = bundle('server/cli.ts', 'node_modules/a/lib/x.js', 'node_modules/a/y.js', 'node_modules/@s/b/z.js', 'node_modules/a/node_modules/c/i.js');
    Object.assign(metafile.outputs['dist/program.js'].inputs, { 'node_modules/unused/i.js': { bytesInOutput: 0 } });
    assert.deepEqual(Array.from(notices.bundledPackages([metafile]), ([at, { size }]) => [at, size]), [
      ['node_modules/a', 2],
      ['node_modules/@s/b', 1],
      ['node_modules/a/node_modules/c', 1],
    ]);
  });

  it('refuses a package under a licence that does not go with ours, and one without a text', () => {
    assert.throws(() => notices.noticeOf(packageOf('strict', 'GPL-3.0-only', { LICENSE: 'terms' })), /strict 1\.2\.3 is under "GPL-3\.0-only"/);
    assert.throws(() => notices.noticeOf(packageOf('silent', 'MIT', { 'README.md': 'MIT' })), /silent 1\.2\.3 has no licence text/);
  });

  it('adds notices, and copyrights in the heads of bundled files that the licence does not name', () => {
    const at = packageOf('mixed', 'BSD-3-Clause', {
      'Licence.txt': 'Copyright (c) 2014 A. Author\r\nterms',
      NOTICE: 'to be handed on',
      'own.js': '// Copyright (c) 2014, A. Author\ncode();',
      'other.js': '/* tabs */\n/* Copyright 2011 B. Other\n   other terms */\ncode(); /* Copyright 1999 inside */',
    });
    const { text } = notices.noticeOf(at, [path.join(at, 'own.js'), path.join(at, 'other.js')]);
    assert.equal(text, 'Copyright (c) 2014 A. Author\nterms\n\nto be handed on\n\n/* Copyright 2011 B. Other\n   other terms */');
  });

  it('prints a text that packages share once, and the kernel\u2019s library and onnxruntime beside what is bundled', () => {
    const twins = ['one', 'two'].map((name) => packageOf(name, 'ISC', { LICENSE: 'shared terms', 'index.js': '' }));
    const file = path.join(folder, 'notices.txt');
    notices.writeNotices([bundle(...twins.map((at) => path.join(at, 'index.js')))], file);
    const text = readFileSync(file, 'utf8');
    assert.ok(text.includes('one 1.2.3 (ISC)\ntwo 1.2.3 (ISC)\n\nshared terms\n'), text.slice(0, 500));
    for (const name of ['assemblyscript', 'onnxruntime-node', 'onnxruntime-common']) assert.match(text, new RegExp(`^${name} [\\d.]+ \\(`, 'mu'));
    assert.match(text, /Copyright \(c\) Microsoft Corporation\n\nPermission is hereby granted, free of charge/u);
  });
});
