import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cutLeft, displayWidth, padEnd, padStart, printable, wrap } from '../../../server/report/printable.js';
import { splitMessage } from '../../../server/report/findingGroups.js';

describe('printable text', () => {
  it('writes out what would move the cursor or turn the line around', () => {
    assert.equal(printable('a\u001b[2Jb\u202Ec\u0000\r\n'), 'a\\u{1b}[2Jb\\u{202e}c\\u{0}\\u{d}\\u{a}');
    assert.equal(printable('層.µ.é.😀'), '層.µ.é.😀');
    assert.equal(printable('\ud800x'), '\\u{d800}x');
  });

  it('counts terminal columns', () => {
    assert.equal(displayWidth('abc'), 3);
    assert.equal(displayWidth('層重み'), 6);
    assert.equal(displayWidth('😀'), 2);
    assert.equal(displayWidth('e\u0301'), 1);
    assert.equal(displayWidth('σ₁ × 10⁵'), 8);
  });

  it('cuts on the left to a width, never inside a character', () => {
    assert.equal(cutLeft('base_net.12.3', 8), '…et.12.3');
    assert.equal(cutLeft('short', 8), 'short');
    assert.equal(cutLeft('層層層', 4), '…層');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (text, width) => {
        const cut = cutLeft(text, width);
        assert.ok(displayWidth(cut) <= width);
        assert.ok(cut === text || text.endsWith(cut.slice(1)));
      }),
    );
  });

  it('pads by columns', () => {
    assert.equal(padEnd('層', 4), '層  ');
    assert.equal(padStart('層', 4), '  層');
  });

  it('wraps at spaces without losing a word, and keeps powers of ten together', () => {
    assert.deepEqual(wrap('κ is 1.433 × 10⁵ here', 14), ['κ is', '1.433 × 10⁵', 'here']);
    assert.deepEqual(wrap('one two three', 7, '  ', '    '), ['  one', '    two', '    three']);
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/u), { minLength: 1, maxLength: 30 }), fc.integer({ min: 12, max: 40 }), (words, width) => {
        const lines = wrap(words.join(' '), width);
        assert.equal(lines.join(' '), words.join(' '));
        for (const line of lines) assert.ok(line.length <= width);
      }),
    );
  });
});

describe('message', () => {
  it('is cut into what is and what to do', () => {
    assert.deepEqual(splitMessage('`a.B. C` has 3. Use it.'), { fact: '`a.B. C` has 3.', action: 'Use it.' });
    assert.deepEqual(splitMessage('κ 1.5 (p 0.6, α 0.01). Look.'), { fact: 'κ 1.5 (p 0.6, α 0.01).', action: 'Look.' });
    assert.deepEqual(splitMessage('One sentence.'), { fact: 'One sentence.', action: null });
  });
});
