import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CommandError } from '../../../server/cli/errors.js';
import { helpText } from '../../../server/cli/help.js';
import { parseCommandLine } from '../../../server/cli/options.js';

const refused = (args: string[], sentence: RegExp): void => {
  assert.throws(
    () => parseCommandLine(args),
    (error) => error instanceof CommandError && error.exitCode === 2 && sentence.test(error.message) && !error.message.includes('\n'),
    args.join(' '),
  );
};

describe('command line options', () => {
  it('have the defaults that the help tells', () => {
    assert.deepEqual(parseCommandLine(['analyze', 'm.onnx']), {
      command: 'analyze', model: 'm.onnx', format: 'text', out: null, timings: true, quiet: false, layers: null, operator: 'norms', seed: 0,
      threads: null, maxMemoryBytes: null, timeoutSeconds: null, cache: null, config: null, failOn: [], baseline: null, only: null, inputs: null, labels: null, preprocess: null, layout: null, range: null,
      resize: false, input: null, output: null, samples: null, precision: 'float32',
    });
  });

  it('are read in any order and both spellings; the last one holds, --fail-on adds up', () => {
    const options = parseCommandLine(['--seed=7', 'analyze', '--fail-on', 'error', '--format', 'csv', 'm', '--format=json', '--fail-on=weights/*>2', '--max-memory', '0.5e3', '--no-timings', '--timeout', '2.5']);
    assert.ok(options.command === 'analyze');
    assert.deepEqual([options.seed, options.failOn, options.format, options.maxMemoryBytes, options.timings, options.timeoutSeconds], [7, ['error', 'weights/*>2'], 'json', 500 * 2 ** 20, false, 2.5]);
  });

  it('take everything behind -- as a file name', () => {
    const options = parseCommandLine(['analyze', '--', '--odd-name.onnx']);
    assert.ok(options.command === 'analyze');
    assert.equal(options.model, '--odd-name.onnx');
  });

  it('refuse what is wrong with the value and what is allowed', () => {
    refused([], /No command/);
    refused(['analyse', 'm'], /Unknown command "analyse".*analyze, probe and render.*; did you mean analyze\?$/);
    refused(['x', 'm'], /Unknown command "x".*MODEL"\.$/);
    refused(['analyze'], /No file/);
    refused(['analyze', 'a', 'b'], /one file, and 2 are given \("b"/);
    refused(['analyze', 'm', '--format', 'xml'], /"xml" is not one of text, json, html, csv, weightwatcher, sarif, markdown/);
    refused(['analyze', 'm', '--seed', '1.5'], /--seed "1.5" is not a whole number from 0 to 4294967295/);
    refused(['analyze', 'm', '--seed', '-1'], /--seed "-1"/);
    refused(['analyze', 'm', '--seed', '0x10'], /--seed "0x10"/);
    refused(['analyze', 'm', '--threads', '0'], /from 1 to 256/);
    refused(['analyze', 'm', '--timeout', '0'], /--timeout "0" is not a number from 0.001 to/);
    refused(['analyze', 'm', '--max-memory', 'lots'], /--max-memory "lots"/);
    refused(['analyze', 'm', '--operator', 'some'], /none, norms, full/);
    refused(['analyze', 'm', '--out'], /--out needs a value/);
    refused(['analyze', 'm', '--out', '--quiet'], /--out needs a value/);
    refused(['analyze', 'm', '--quiet=yes'], /--quiet takes no value/);
    refused(['analyze', 'm', '--colour'], /--colour is not an option; "sigmascope --help" lists what there is\.$/);
    refused(['analyze', 'm', '--fromat', 'json'], /--fromat is not an option; did you mean --format\?$/);
    refused(['analyze', 'm', '--format', 'jsno'], /"jsno" is not one of .*; did you mean json\?$/);
    refused(['render', 'r.json', '--seed', '1'], /--seed does not apply to render/);
    refused(['analyze', 'm', '--only', 'wieghts'], /"wieghts" is not an analysis/);
    refused(['analyze', 'm', '--constructor'], /is not an option/);
  });

  it('refuse what is not part of this version, and the help does not name it', () => {
    const help = helpText('1');
    for (const command of ['compare', 'flag', 'edit', 'lint']) {
      refused([command, 'm'], new RegExp(`"${command}" is not part of this version`));
      assert.ok(!help.includes(command));
    }
    for (const option of ['alpha', 'groups', 'low-rank', 'calibrate']) {
      refused(['analyze', 'm', `--${option}`, 'x'], new RegExp(`--${option} is not part of this version`));
      assert.ok(!help.includes(`--${option}`));
    }
    for (const analysis of ['gsvd', 'stability', 'alignment', 'surrogate']) {
      refused(['analyze', 'm', '--only', `weights,${analysis}`], new RegExp(`"${analysis}" is not part of this version`));
      assert.ok(!help.includes(analysis));
    }
  });

  it('never fail in another way', () => {
    const word = fc.oneof(fc.string(), fc.constantFrom('analyze', 'render', '--seed', '--out', '--format=json', '--', '-', '--no-timings', '--__proto__', '-h', '-x', '--seed='));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (args) => {
        try {
          parseCommandLine(args);
        } catch (error) {
          assert.ok(error instanceof CommandError, String(error));
        }
      }),
    );
  });
});
