import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Report } from '../../../server/report/report.js';
import { pseudoRandom, writeSafetensors, writeSmallModel } from '../../support/models.js';

const program = path.resolve('dist', 'cli.js');

interface Result {
  code: number | null;
  out: string;
  error: string;
}

function sigmascope(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { code: status, out: stdout, error: stderr };
}

describe('command line', function () {
  this.timeout(60_000);
  let folder: string;
  let model: string;
  const at = (name: string): string => path.join(folder, name);

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cli-'));
    model = at('small.safetensors');
    writeSmallModel(model);
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A refusal: nothing on stdout, one sentence on stderr. */
  const fails = (code: number, sentence: RegExp, ...args: string[]): void => {
    const result = sigmascope(...args);
    assert.equal(result.code, code, result.error);
    assert.equal(result.out, '');
    assert.match(result.error, sentence);
    assert.match(result.error, /^sigmascope: [^\n]+\n$/);
  };

  it('writes the same bytes for the same inputs, also from the cache and with other threads', () => {
    const args = ['analyze', model, '--format', 'json', '--no-timings'];
    const first = sigmascope(...args);
    assert.deepEqual([first.code, first.error], [0, '']);
    const report = JSON.parse(first.out) as Report;
    assert.deepEqual(report.layers.map((layer) => layer.id), ['fc1', 'fc2', 'head']);
    assert.match(report.model.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.equal(report.timings, undefined);
    for (const more of [['--threads', '1'], ['--cache', at('cache')], ['--cache', at('cache')]]) assert.equal(sigmascope(...args, ...more).out, first.out);
    const cached = JSON.parse(sigmascope('analyze', model, '--format', 'json', '--cache', at('cache')).out) as Report;
    assert.deepEqual(cached.timings?.layers.map(({ engine }) => engine), ['cache', 'cache', 'cache']);
  });

  it('renders a saved report as the analysis would have written it, to a file or to standard output', () => {
    const saved = sigmascope('analyze', model, '--format', 'json', '--out', at('report.json'));
    assert.deepEqual([saved.code, saved.out, saved.error], [0, '', '']);
    assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')));
    assert.equal(sigmascope('render', at('report.json'), '--format', 'json').out, readFileSync(at('report.json'), 'utf8'));
    for (const format of ['text', 'csv', 'markdown', 'sarif']) {
      const direct = sigmascope('analyze', model, '--format', format, '--no-timings');
      const rendered = sigmascope('render', at('report.json'), '--format', format, '--no-timings');
      assert.deepEqual([rendered.code, rendered.out], [0, direct.out], format);
      assert.ok(direct.out.length > 100, format);
    }
    fails(2, /does not hold the columns/, 'render', at('report.json'), '--format', 'weightwatcher');
  });

  it('analyses the layers asked for and lists the others', () => {
    const report = JSON.parse(sigmascope('analyze', model, '--format', 'json', '--layers', 'fc*').out) as Report;
    assert.deepEqual(report.layers.map((layer) => layer.id), ['fc1', 'fc2']);
    assert.ok(report.skipped.some((entry) => entry.layer === 'head' && entry.reason.includes('fc*')));
    fails(2, /--layers "conv\*" matches none of the 3 layers.*fc1/, 'analyze', model, '--layers', 'conv*');
  });

  it('skips a layer that needs more memory than allowed, with both numbers', () => {
    writeSafetensors(at('wide.safetensors'), { 'a.weight': { shape: [8, 8], values: pseudoRandom(64) }, 'b.weight': { shape: [1500, 1500], values: pseudoRandom(1500 * 1500) } });
    const result = sigmascope('analyze', at('wide.safetensors'), '--format', 'json', '--max-memory', '20');
    assert.equal(result.code, 0);
    const report = JSON.parse(result.out) as Report;
    assert.deepEqual(report.layers.map((layer) => layer.id), ['a']);
    assert.match(report.skipped.find((entry) => entry.layer === 'b')?.reason ?? '', /needs .*MB.*limit.*20 MB/);
  });

  it('fails on gates and not on findings alone', () => {
    assert.equal(sigmascope('analyze', model, '--format', 'csv').code, 0);
    const result = sigmascope('analyze', model, '--format', 'json', '--fail-on', 'weights/zero-tensor');
    assert.equal(result.code, 1);
    assert.equal((JSON.parse(result.out) as Report).findings.filter(({ rule }) => rule === 'weights/zero-tensor').length, 1);
    assert.match(result.error, /--fail-on weights\/zero-tensor failed: .*head/);
    assert.equal(sigmascope('analyze', model, '--fail-on', 'weights/zero-tensor>1').code, 0);
    fails(2, /nonsense/, 'analyze', model, '--fail-on', 'nonsense');
  });

  it('fails against a baseline on what got worse', () => {
    writeSafetensors(at('better.safetensors'), { 'head.weight': { shape: [10, 20], values: pseudoRandom(200, 4) } });
    writeSafetensors(at('worse.safetensors'), { 'head.weight': { shape: [10, 20], values: new Float32Array(200) } });
    assert.equal(sigmascope('analyze', at('better.safetensors'), '--format', 'json', '--out', at('baseline.json')).code, 0);
    assert.equal(sigmascope('analyze', at('better.safetensors'), '--baseline', at('baseline.json')).code, 0);
    const worse = sigmascope('analyze', at('worse.safetensors'), '--baseline', at('baseline.json'));
    assert.equal(worse.code, 1);
    assert.match(worse.error, /--baseline failed: head/);
    fails(3, /does not exist/, 'analyze', model, '--baseline', at('nowhere.json'));
  });

  it('follows the nearest sigmascope.json, and refuses a wrong one', () => {
    const config = at('project.json');
    writeFileSync(config, JSON.stringify({ gates: ['warning'], silence: [{ rule: 'weights/zero-tensor', layer: 'head', reason: 'filled in later' }] }));
    const silenced = sigmascope('analyze', model, '--config', config, '--format', 'json');
    assert.equal(silenced.code, 0);
    assert.equal((JSON.parse(silenced.out) as Report).findings.find(({ rule }) => rule === 'weights/zero-tensor')?.silenced, 'filled in later');
    const found = path.join(folder, 'sigmascope.json');
    writeFileSync(found, JSON.stringify({ gates: ['warning'] }));
    assert.equal(sigmascope('analyze', model).code, 1);
    writeFileSync(found, '{\n  "rules": { "weights/dead": "off" }\n}');
    fails(2, /weights\/dead.*weights\/dead-units/, 'analyze', model);
    writeFileSync(found, '{\n  "rules": {\n}');
    fails(2, /sigmascope\.json is not JSON: line 3/, 'analyze', model);
    rmSync(found);
    fails(2, /does not exist/, 'analyze', model, '--config', at('none.json'));
  });

  it('refuses files that are no models with one sentence', () => {
    writeFileSync(at('empty.onnx'), '');
    writeFileSync(at('text.safetensors'), 'this is no model');
    writeSmallModel(at('cut.safetensors'));
    truncateSync(at('cut.safetensors'), 2000);
    for (const name of ['empty.onnx', 'text.safetensors', 'cut.safetensors', 'nowhere.onnx', '.']) fails(3, /./, 'analyze', at(name), '--out', at('never.json'));
    writeFileSync(at('bad.json'), '{"schemaVersion":1}');
    fails(3, /not a whole Sigmascope report/, 'render', at('bad.json'));
    assert.ok(!existsSync(at('never.json')));
  });

  it('writes no file that it reads, and none into folders that do not exist', () => {
    const before = readFileSync(model);
    fails(2, /would overwrite/, 'analyze', model, '--out', model);
    fails(2, /does not exist/, 'analyze', model, '--out', path.join(folder, 'no', 'such', 'report.txt'));
    fails(2, /is a folder/, 'analyze', model, '--out', folder);
    assert.deepEqual(readFileSync(model), before);
  });

  it('prints what was done when the time is over', () => {
    const result = sigmascope('analyze', model, '--format', 'json', '--timeout', '0.001');
    assert.equal(result.code, 124);
    assert.match(result.error, /Timed out after 0\.001 s/);
    const report = JSON.parse(result.out) as Report;
    assert.deepEqual(report.incomplete, { reason: 'timeout', layersDone: 0, layersTotal: 3 });
    assert.deepEqual(report.skipped.filter((entry) => entry.layer !== undefined).map((entry) => entry.layer), ['fc1', 'fc2', 'head']);
  });

  it('stops at once on Ctrl+C, with a sentence, and leaves no process behind', async () => {
    const side = 3000;
    writeSafetensors(at('large.safetensors'), { 'a.weight': { shape: [side, side], values: pseudoRandom(side * side) } });
    const child = spawn(process.execPath, [program, 'analyze', at('large.safetensors'), '--out', at('never.txt')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let error = '';
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
    setTimeout(() => child.kill('SIGINT'), 700);
    // `close` comes when the pipes, which worker processes would have inherited, are closed too.
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 130, error);
    assert.match(error, /^sigmascope: Cancelled: 0 of 1 layers were done and nothing is written\.\n$/);
    assert.ok(!existsSync(at('never.txt')));
  });

  it('takes a reader that goes away for no error', function () {
    if (process.platform === 'win32') this.skip();
    const command = `"${process.execPath}" "${program}" analyze "${model}" --format json | head -c 20 >/dev/null; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    assert.deepEqual([stdout, stderr], ['0\n', '']);
  });

  it('tells its version and its options', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.deepEqual(sigmascope('--version'), { code: 0, out: `${manifest.version}\n`, error: '' });
    const help = sigmascope('--help');
    assert.equal(help.code, 0);
    for (const option of ['--format', '--out', '--no-timings', '--quiet', '--only', '--layers', '--operator', '--seed', '--threads', '--max-memory', '--timeout', '--cache', '--config', '--fail-on', '--baseline']) assert.ok(help.out.includes(option), option);
    fails(2, /No command/);
  });
});
