/** The signals of POSIX.1-2024 by name, without the real-time ones. */
export const SIGNALS = [
  'SIGABRT',
  'SIGALRM',
  'SIGBUS',
  'SIGCHLD',
  'SIGCONT',
  'SIGFPE',
  'SIGHUP',
  'SIGILL',
  'SIGINT',
  'SIGKILL',
  'SIGPIPE',
  'SIGPOLL',
  'SIGPROF',
  'SIGQUIT',
  'SIGSEGV',
  'SIGSTOP',
  'SIGSYS',
  'SIGTERM',
  'SIGTRAP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGUSR1',
  'SIGUSR2',
  'SIGVTALRM',
  'SIGWINCH',
  'SIGXCPU',
  'SIGXFSZ',
] as const

/** What Ctrl-C does at a terminal. */
export const CONTROL_C = '^C'

/** True for what a stop rule may name. */
export function isStopSignal(text: string): boolean {
  return text === CONTROL_C || (SIGNALS as readonly string[]).includes(text)
}

/** The name that agents get. */
export function resolveSignal(signal: string): string {
  return signal === CONTROL_C ? 'SIGINT' : signal
}
