import assert from 'node:assert/strict';
import fc from 'fast-check';
import { memorySource } from '../../../server/formats/byteSource.js';
import { readTable, type Table } from '../../../server/inputs/csv.js';
import { answersOrRefuses, refuses } from '../../support/inputs.js';

const read = (text: string | Uint8Array, largest?: number): Promise<Table> => readTable(memorySource(typeof text === 'string' ? Buffer.from(text) : text, 'a.csv'), largest);

describe('csv', () => {
  it('reads rows of numbers with commas, semicolons and tabs', async () => {
    for (const separator of [',', ';', '\t', ' , ']) {
      const table = await read(['7', '0', '.5', '-1e3'].join(separator) + '\n' + ['2', '+1.', '255', '0'].join(separator) + '\n');
      assert.deepEqual({ ...table, values: [...table.values] }, { header: null, rows: 2, columns: 4, values: [7, 0, 0.5, -1000, 2, 1, 255, 0] });
    }
  });

  it('reads headers, quotes, empty lines, byte order marks, both line ends and a last line without one', async () => {
    const table = await read('\ufeff"label",0,1\r\n\r\n3,"1",nan\r\n4,-inf,2');
    assert.deepEqual(table.header, ['label', '0', '1']);
    assert.deepEqual([...table.values], [3, 1, NaN, 4, -Infinity, 2]);
  });

  it('gives line and column of what is no number', async () => {
    await refuses(read('1,2\n3,x\n'), 'inputs/corrupt', /'x' where a number belongs, in line 2, column 2/);
    await refuses(read('a,b\n\n1,2\n,4\n'), 'inputs/corrupt', /nothing where a number belongs, in line 4, column 1/);
    await refuses(read('1,2\n0x10,4\n'), 'inputs/corrupt', /line 2, column 1/);
    await refuses(read('1;2,5\n'), 'inputs/corrupt', /'2,5'|'1;2'/);
  });

  it('gives the line whose columns are too few or too many', async () => {
    await refuses(read('1,2\n3\n'), 'inputs/corrupt', /1 column in line 2, and 2 in the line before/);
    await refuses(read('1,2\n3,4,5\n'), 'inputs/corrupt', /3 columns in line 2/);
  });

  it('refuses tables without numbers, and more numbers than are allowed', async () => {
    await refuses(read('a,b\n'), 'inputs/empty', /after its header/);
    await refuses(read('\n \n'), 'inputs/empty');
    await refuses(read('1,2\n3,4\n', 31), 'inputs/limit', /31 bytes.*line 2/);
  });

  it('reads lines that cross the blocks of reading', async () => {
    const rows = 3000;
    const line = Array.from({ length: 200 }, (_, i) => String(i * 1.5)).join(',');
    const table = await read(`${line}\n`.repeat(rows));
    assert.equal(table.rows, rows);
    assert.ok(table.values.every((value, i) => value === (i % 200) * 1.5));
  });

  it('reads back any table of finite numbers', async () => {
    const tables = fc.integer({ min: 1, max: 6 }).chain((columns) => fc.array(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(tables, fc.constantFrom(',', ';', '\t'), async (rows, separator) => {
        const table = await read(rows.map((row) => row.map(String).join(separator)).join('\n'));
        assert.deepEqual([...table.values], rows.flat().map((value) => (Object.is(value, -0) ? 0 : value)));
      }),
      { numRuns: 200 },
    );
  });

  it('reads what it is given or says why not, whatever the text', async () => {
    const texts = fc.array(fc.constantFrom('1', '2.5', ',', ';', '\t', '\n', '\r\n', '"', 'e', '-', ' ', 'x', '\0', '\u00e9'), { maxLength: 60 }).map((parts) => parts.join(''));
    await fc.assert(fc.asyncProperty(texts, (text) => answersOrRefuses(() => read(text))), { numRuns: 500 });
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => answersOrRefuses(() => read(bytes))), { numRuns: 200 });
  });
});
