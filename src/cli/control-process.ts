// The process of control in a gateway of several. An entry point: the supervisor forks it; what it tells people at the start is the
// command's matter.
import { runControl } from '../app/control/run-control.ts';
import { runSummary } from './run-summary.ts';
import { printable } from './terminal.ts';

runControl((version, demo, started) => printable(runSummary({ version, started, demo })));
