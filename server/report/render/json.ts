/** Arrays of at most that many strings and numbers stand on one line. */
const shortArray = 8;

/**
 * The report, or another document of plain objects, as JSON, numbers in full precision. Indented by two, arrays of numbers on one line: a report stays
 * readable in an editor and small in a diff. Cost O(size of the report).
 */
export function renderJson(report: object): string {
  return `${written(report, '')}\n`;
}

function written(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    if (value.every((item) => typeof item === 'number')) return JSON.stringify(value);
    if (value.length <= shortArray && value.every((item) => typeof item !== 'object' || item === null)) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    return `[\n${value.map((item) => deeper + written(item, deeper)).join(',\n')}\n${indent}]`;
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  if (fields.length === 0) return '{}';
  return `{\n${fields.map(([key, field]) => `${deeper}${JSON.stringify(key)}: ${written(field, deeper)}`).join(',\n')}\n${indent}}`;
}
