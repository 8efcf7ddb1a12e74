/** Longest part of a name that a sentence repeats: file contents must not flood a message. */
const LONGEST_NAME = 80;

/** A byte count for a sentence: exact, with a unit beside it where that reads better. */
export function formatBytes(bytes: number): string {
  if (bytes < 10_000) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]} (${bytes} bytes)`;
}

/** 1 element, 2 elements. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A name out of a file in quotes, without control and formatting characters, cut to 80 characters. */
export function quote(name: string): string {
  const printable = name.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return `'${printable.length > LONGEST_NAME ? `${printable.slice(0, LONGEST_NAME)}…` : printable}'`;
}
