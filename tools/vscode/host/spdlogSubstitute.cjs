// Takes the place of @vscode/spdlog, a native module that is not compiled here: the calls that VS Code makes,
// answered with plain appends. Without it every Output channel of the host stays empty.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const names = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];
let threshold = 2;

class Logger {
  #path;
  #plain = false;
  #threshold = threshold;

  constructor(_kind, _name, file) {
    this.#path = file;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.appendFileSync(file, '');
  }
  getLevel() {
    return this.#threshold;
  }
  setLevel(level) {
    this.#threshold = level;
  }
  /** VS Code formats the lines of Output channels itself. */
  clearFormatters() {
    this.#plain = true;
  }
  setPattern() {}
  flush() {}
  drop() {}
  append(level, message) {
    if (level < this.#threshold) return;
    const line = this.#plain ? String(message) : `${new Date().toISOString()} [${names[level]}] ${message}\n`;
    try {
      fs.appendFileSync(this.#path, line);
    } catch {
      // At shutdown the log folder may be gone before the last line.
    }
  }
}
names.forEach((name, level) => {
  Logger.prototype[name] = function (message) {
    this.append(level, message);
  };
});

async function create(name, file) {
  return new Logger('', name, file);
}

// One assignment a name: VS Code loads this file with import(), which finds CommonJS exports only in this form.
exports.version = 0;
exports.Logger = Logger;
exports.setLevel = (level) => {
  threshold = level;
};
exports.setFlushOn = () => {};
exports.shutdown = () => {};
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
