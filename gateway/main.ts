/** The gateway's program: compiled code is cached from here on, so everything else is loaded after this line. */
import { enableCompileCache } from 'node:module';

enableCompileCache();

const { runProgram } = await import('../shared/system/program.ts');
const { runCommand } = await import('./command-line.ts');

process.exit(await runProgram((signal) => runCommand(process.argv.slice(2), process.env, signal)));
