import { CommandError, exitCodes, type ExitCode } from './cli/errors.js';
import { parseCommandLine } from './cli/options.js';
import { writeSentence, writeStandardOutput } from './cli/output.js';

/**
 * The command line. Everything that a command needs is loaded by that command alone: the program starts in a fraction
 * of the second that a whole report may take.
 */
async function main(args: string[]): Promise<ExitCode> {
  const options = parseCommandLine(args);
  switch (options.command) {
    case 'help': {
      const [{ helpText }, { toolVersion }] = await Promise.all([import('./cli/help.js'), import('./runtime/version.js')]);
      await writeStandardOutput(helpText(toolVersion));
      return exitCodes.done;
    }
    case 'version': {
      const { toolVersion } = await import('./runtime/version.js');
      await writeStandardOutput(`${toolVersion}\n`);
      return exitCodes.done;
    }
    case 'render': {
      const { renderCommand } = await import('./cli/renderCommand.js');
      return renderCommand(options);
    }
    case 'probe': {
      const { probeCommand } = await import('./cli/probeCommand.js');
      return probeCommand(options);
    }
    case 'analyze': {
      const { analyzeCommand } = await import('./cli/analyzeCommand.js');
      return analyzeCommand(options);
    }
  }
}

/** A question that the model cannot have is wrong usage. */
const exitCodesByName = new Map<string, ExitCode>([
  ['ModelFileError', exitCodes.unreadable],
  ['ReportFileError', exitCodes.unreadable],
  ['UnknownValue', exitCodes.usage],
  ['NotDifferentiable', exitCodes.usage],
]);

/** Exit code of an error, told by name: the classes belong to modules that may not be loaded. */
function codeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (!(error instanceof Error)) return exitCodes.internal;
  if (error.name === 'InputsError') return (error as Error & { code: string }).code.startsWith('inputs/option') ? exitCodes.usage : exitCodes.unreadable;
  return exitCodesByName.get(error.name) ?? exitCodes.internal;
}

/** One sentence for people; the place in the program only where SIGMASCOPE_DEBUG is set. */
function sentenceOf(error: unknown, code: ExitCode): string {
  const message = error instanceof Error ? error.message : String(error);
  if (code !== exitCodes.internal || error instanceof CommandError) return message;
  const trace = process.env.SIGMASCOPE_DEBUG && error instanceof Error ? ` ${error.stack ?? ''}` : '';
  return `Internal error: ${message} (this is a mistake in sigmascope; please report it with the command)${trace}`;
}

// A closed terminal or pipe is no reason to end with a trace.
process.stderr.on('error', () => undefined);
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = codeOf(error);
    writeSentence(sentenceOf(error, process.exitCode as ExitCode));
  },
);
