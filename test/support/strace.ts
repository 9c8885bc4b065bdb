/**
 * strace over all threads of a Node.js program whose work on files is on one thread, so that the n-th call of a run is the
 * n-th call of the next one too. Options for what is traced and the program follow.
 */
export const STRACE: readonly string[] = ['strace', '-f', '-E', 'UV_THREADPOOL_SIZE=1']

/** How many of the calls `names` the thread made that made most, in what `strace -f -o FILE` wrote. */
export function mostByThread(trace: string, names: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const line of trace.split('\n')) {
    const [thread = '', call = ''] = line.trim().split(/\s+/, 2)
    if (!names.some((name) => call.startsWith(`${name}(`))) continue
    counts.set(thread, (counts.get(thread) ?? 0) + 1)
  }
  return Math.max(0, ...counts.values())
}
