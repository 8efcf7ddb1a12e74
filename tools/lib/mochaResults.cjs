// Mocha's `spec` reporter that also writes the counts to $SIGMASCOPE_MOCHA_RESULTS.
'use strict';
const fs = require('node:fs');
const { reporters } = require('mocha');

class SpecWithCounts extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const file = process.env.SIGMASCOPE_MOCHA_RESULTS;
      const { passes, failures, pending } = runner.stats;
      if (file) fs.writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
}
module.exports = SpecWithCounts;
