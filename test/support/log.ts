import { type Log, openLog } from '../../shared/log.ts'

/** A log that keeps its lines, so that a test can look for what must not be there. */
export function recordingLog(): { log: Log; lines: () => string } {
  let text = ''
  const destination = {
    write: (line: string) => {
      text += line
    },
  }
  return { log: openLog({ name: 'test', level: 'debug', destination }), lines: () => text }
}

/** A log that drops everything. */
export const silentLog: Log = openLog({ name: 'test', level: 'silent' })
