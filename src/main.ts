// The process: runs the command that the arguments name and sets the exit code.

// Node's debugger would open a port on SIGUSR1 unless somebody else listens; here the signal asks to reopen the logs.
process.on('SIGUSR1', () => {});

const { runProgram } = await import('./cli/program.ts');
process.exitCode = await runProgram(process.argv.slice(2));
