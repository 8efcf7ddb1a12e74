import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
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

function sigmascope(...args: string[]): Promise<Result> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const result: Result = { code: null, out: '', error: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (result.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (result.error += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ ...result, code })));
}

/** Waits until a process has one of its own, where the system tells; elsewhere for a usual start. */
async function workerOf(pid: number | undefined): Promise<void> {
  const children = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(children)) await new Promise((resolve) => setTimeout(resolve, 600));
  while (existsSync(children) && readFileSync(children, 'utf8').trim() === '') await new Promise((resolve) => setTimeout(resolve, 20));
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
  const fails = async (code: number, sentence: RegExp, ...args: string[]): Promise<void> => {
    const result = await sigmascope(...args);
    assert.equal(result.code, code, result.error);
    assert.equal(result.out, '');
    assert.match(result.error, sentence);
    assert.match(result.error, /^sigmascope: [^\n]+\n$/);
  };
  const reportOf = async (...args: string[]): Promise<Report> => JSON.parse((await sigmascope(...args, '--format', 'json')).out) as Report;

  it('writes the same bytes for the same inputs, also from the cache and with other threads', async () => {
    const args = ['analyze', model, '--format', 'json', '--no-timings'];
    const [first, threaded, kept] = await Promise.all([sigmascope(...args), sigmascope(...args, '--threads', '1'), sigmascope(...args, '--cache', at('cache'))]);
    assert.deepEqual([first.code, first.error], [0, '']);
    const report = JSON.parse(first.out) as Report;
    assert.deepEqual(report.layers.map((layer) => layer.id), ['fc1', 'fc2', 'head']);
    assert.match(report.model.sha256 ?? '', /^[0-9a-f]{64}$/);
    assert.equal(report.timings, undefined);
    assert.equal(threaded.out, first.out);
    assert.equal(kept.out, first.out);
    const [again, timed] = await Promise.all([sigmascope(...args, '--cache', at('cache')), reportOf('analyze', model, '--cache', at('cache'))]);
    assert.equal(again.out, first.out);
    assert.deepEqual(timed.timings?.layers.map(({ engine }) => engine), ['cache', 'cache', 'cache']);
  });

  it('renders a saved report as the analysis would have written it, to a file or to standard output', async () => {
    const saved = await sigmascope('analyze', model, '--format', 'json', '--out', at('report.json'));
    assert.deepEqual([saved.code, saved.out, saved.error], [0, '', '']);
    assert.ok(readdirSync(folder).every((name) => !name.endsWith('.tmp')));
    const formats = ['text', 'sarif'];
    const results = await Promise.all(formats.map((format) => Promise.all([sigmascope('analyze', model, '--format', format, '--no-timings'), sigmascope('render', at('report.json'), '--format', format, '--no-timings')])));
    for (const [index, [direct, rendered]] of results.entries()) {
      assert.deepEqual([rendered.code, rendered.out], [0, direct.out], formats[index]);
      assert.ok(direct.out.length > 100, formats[index]);
    }
    assert.equal((await sigmascope('render', at('report.json'), '--format', 'json')).out, readFileSync(at('report.json'), 'utf8'));
    await fails(2, /does not hold the columns/, 'render', at('report.json'), '--format', 'weightwatcher');
  });

  it('writes WeightWatcher\u2019s columns, one row per layer that the peer lists', async () => {
    const { code, out } = await sigmascope('analyze', model, '--format', 'weightwatcher');
    assert.equal(code, 0);
    const [heading, ...rows] = out.trimEnd().split('\n');
    assert.match(heading, /^layer_id,name,D,M,N,Q,alpha,/);
    assert.deepEqual(rows.map((row) => row.split(',').slice(0, 2)), [['0', 'fc1'], ['1', 'fc2'], ['2', 'head']]);
  });

  it('analyses the layers asked for and lists the others', async () => {
    const report = await reportOf('analyze', model, '--layers', 'fc*');
    assert.deepEqual(report.layers.map((layer) => layer.id), ['fc1', 'fc2']);
    assert.ok(report.skipped.some((entry) => entry.layer === 'head' && entry.reason.includes('fc*')));
    await fails(2, /--layers "conv\*" matches none of the 3 layers.*fc1/, 'analyze', model, '--layers', 'conv*');
  });

  it('skips a layer that needs more memory than allowed, with both numbers', async () => {
    writeSafetensors(at('wide.safetensors'), { 'a.weight': { shape: [8, 8], values: pseudoRandom(64) }, 'b.weight': { shape: [1500, 1500], values: pseudoRandom(1500 * 1500) } });
    const result = await sigmascope('analyze', at('wide.safetensors'), '--format', 'json', '--max-memory', '20');
    assert.equal(result.code, 0);
    const report = JSON.parse(result.out) as Report;
    assert.deepEqual(report.layers.map((layer) => layer.id), ['a']);
    assert.match(report.skipped.find((entry) => entry.layer === 'b')?.reason ?? '', /needs .*MB.*limit.*20 MB/);
  });

  it('reads a layer in blocks where it does not fit as a whole, with the same report', async () => {
    writeSafetensors(at('long.safetensors'), { 'wte.weight': { shape: [20_000, 64], values: pseudoRandom(20_000 * 64) } });
    const args = ['analyze', at('long.safetensors'), '--no-timings', '--format', 'json'];
    const [whole, blocks] = (await Promise.all([sigmascope(...args), sigmascope(...args, '--max-memory', '9')])).map(({ out }) => JSON.parse(out) as Report);
    const { spectrum, metrics, findings, ...rest } = blocks.layers[0];
    const { spectrum: expected, metrics: expectedMetrics, findings: expectedFindings, ...expectedRest } = whole.layers[0];
    assert.deepEqual(rest, expectedRest);
    assert.deepEqual(findings.map(({ rule }) => rule), expectedFindings.map(({ rule }) => rule));
    assert.equal(spectrum?.method, 'qr-first');
    spectrum.singularValues.forEach((value, i) => assert.ok(Math.abs(value / (expected?.singularValues[i] ?? NaN) - 1) < 1e-13));
    assert.equal(metrics?.numericalRank, expectedMetrics?.numericalRank);
    const refused = JSON.parse((await sigmascope(...args, '--max-memory', '2')).out) as Report;
    assert.match(refused.skipped[0].reason, /^wte \(20000 × 64\) needs [\d.]+ MB of memory even when it is read in blocks and the limit is 2\.0 MB; raise --max-memory/);
  });

  it('fails on gates and not on findings alone', async () => {
    const [plain, gated, tolerated] = await Promise.all([
      sigmascope('analyze', model, '--format', 'csv'),
      sigmascope('analyze', model, '--format', 'json', '--fail-on', 'weights/zero-tensor'),
      sigmascope('analyze', model, '--fail-on', 'weights/zero-tensor>1'),
    ]);
    assert.deepEqual([plain.code, gated.code, tolerated.code], [0, 1, 0]);
    assert.equal((JSON.parse(gated.out) as Report).findings.filter(({ rule }) => rule === 'weights/zero-tensor').length, 1);
    assert.match(gated.error, /--fail-on weights\/zero-tensor failed: .*head/);
    await fails(2, /nonsense/, 'analyze', model, '--fail-on', 'nonsense');
  });

  it('fails against a baseline on what got worse', async () => {
    writeSafetensors(at('better.safetensors'), { 'head.weight': { shape: [10, 20], values: pseudoRandom(200, 4) } });
    writeSafetensors(at('worse.safetensors'), { 'head.weight': { shape: [10, 20], values: new Float32Array(200) } });
    assert.equal((await sigmascope('analyze', at('better.safetensors'), '--format', 'json', '--out', at('baseline.json'))).code, 0);
    const [same, worse] = await Promise.all(['better', 'worse'].map((name) => sigmascope('analyze', at(`${name}.safetensors`), '--baseline', at('baseline.json'))));
    assert.deepEqual([same.code, worse.code], [0, 1]);
    assert.match(worse.error, /--baseline failed: head/);
    await fails(3, /does not exist/, 'analyze', model, '--baseline', at('nowhere.json'));
  });

  it('follows the nearest sigmascope.json, and refuses a wrong one', async () => {
    const config = at('project.json');
    writeFileSync(config, JSON.stringify({ gates: ['warning'], silence: [{ rule: 'weights/zero-tensor', layer: 'head', reason: 'filled in later' }] }));
    const silenced = await sigmascope('analyze', model, '--config', config, '--format', 'json');
    assert.equal(silenced.code, 0);
    assert.equal((JSON.parse(silenced.out) as Report).findings.find(({ rule }) => rule === 'weights/zero-tensor')?.silenced, 'filled in later');
    const found = at('sigmascope.json');
    writeFileSync(found, JSON.stringify({ gates: ['warning'] }));
    assert.equal((await sigmascope('analyze', model)).code, 1);
    writeFileSync(found, '{\n  "rules": { "weights/dead": "off" }\n}');
    await fails(2, /weights\/dead.*weights\/dead-units/, 'analyze', model);
    rmSync(found);
    await fails(2, /does not exist/, 'analyze', model, '--config', at('none.json'));
  });

  it('refuses files that are no models with one sentence', async () => {
    writeFileSync(at('empty.onnx'), '');
    writeFileSync(at('text.safetensors'), 'this is no model');
    writeSmallModel(at('cut.safetensors'));
    truncateSync(at('cut.safetensors'), 2000);
    await Promise.all(['empty.onnx', 'text.safetensors', 'cut.safetensors', 'nowhere.onnx', '.'].map((name) => fails(3, /./, 'analyze', at(name), '--out', at('never.json'))));
    writeFileSync(at('bad.json'), '{"schemaVersion":1}');
    await fails(3, /not a whole Sigmascope report/, 'render', at('bad.json'));
    assert.ok(!existsSync(at('never.json')));
  });

  it('writes no file that it reads, and none into folders that do not exist', async () => {
    const before = readFileSync(model);
    await Promise.all([
      fails(2, /would overwrite/, 'analyze', model, '--out', model),
      fails(2, /does not exist/, 'analyze', model, '--out', path.join(folder, 'no', 'such', 'report.txt')),
      fails(2, /is a folder/, 'analyze', model, '--out', folder),
    ]);
    assert.deepEqual(readFileSync(model), before);
  });

  it('does not replace the files that hold a model\u2019s weights, nor a link or a device by a file', async function () {
    if (process.platform === 'win32') this.skip();
    writeSafetensors(at('part.safetensors'), { 'a.weight': { shape: [2, 2], values: pseudoRandom(4) } });
    writeFileSync(at('whole.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: { 'a.weight': 'part.safetensors' } }));
    await fails(2, /would overwrite/, 'analyze', at('whole.safetensors.index.json'), '--out', at('part.safetensors'));
    writeFileSync(at('target.txt'), '');
    symlinkSync(at('target.txt'), at('link.txt'));
    symlinkSync('/dev/null', at('null.txt'));
    for (const name of ['link.txt', 'null.txt']) {
      assert.equal((await sigmascope('analyze', model, '--out', at(name))).code, 0);
      assert.ok(lstatSync(at(name)).isSymbolicLink(), name);
    }
    assert.ok(readFileSync(at('target.txt'), 'utf8').length > 100);
    assert.ok(!statSync('/dev/null').isFile());
  });

  it('shows control characters of a name instead of sending them to the terminal', async () => {
    const result = await sigmascope('analyze', at('\u001b[31mred\n.onnx'));
    assert.equal(result.code, 3);
    assert.ok(result.error.startsWith('sigmascope: \\u{1b}[31mred .onnx does not exist in '), result.error);
    assert.ok(!result.error.trimEnd().includes('\n') && !result.error.includes('\u001b'));
  });

  it('prints what was done when the time is over', async () => {
    const result = await sigmascope('analyze', model, '--format', 'json', '--timeout', '0.001');
    assert.equal(result.code, 124);
    assert.match(result.error, /Timed out after 0\.001 s/);
    const report = JSON.parse(result.out) as Report;
    assert.deepEqual(report.incomplete, { reason: 'timeout', layersDone: 0, layersTotal: 3 });
    assert.deepEqual(report.skipped.filter((entry) => entry.layer !== undefined).map((entry) => entry.layer), ['fc1', 'fc2', 'head']);
  });

  it('stops at once on Ctrl+C, with a sentence, and leaves no process behind', async function () {
    // Windows has no signals: a terminal sends Ctrl+C to the console itself.
    if (process.platform === 'win32') this.skip();
    const side = 3000;
    writeSafetensors(at('large.safetensors'), { 'a.weight': { shape: [side, side], values: pseudoRandom(side * side) } });
    const child = spawn(process.execPath, [program, 'analyze', at('large.safetensors'), '--out', at('never.txt')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let error = '';
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
    // Not before the run has begun, which a busy machine puts off.
    void workerOf(child.pid).then(() => setTimeout(() => child.kill('SIGINT'), 100));
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

  it('tells its version and its options', async () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const [version, help] = await Promise.all([sigmascope('--version'), sigmascope('--help')]);
    assert.deepEqual(version, { code: 0, out: `${manifest.version}\n`, error: '' });
    assert.equal(help.code, 0);
    for (const option of ['--format', '--out', '--no-timings', '--quiet', '--only', '--layers', '--operator', '--seed', '--threads', '--max-memory', '--timeout', '--cache', '--config', '--fail-on', '--baseline']) assert.ok(help.out.includes(option), option);
    await fails(2, /No command/);
  });
});
