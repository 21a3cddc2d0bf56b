/** The one word people see about a server. */
export const SERVER_STATUSES = [
  'NOT_INSTALLED',
  'INSTALLING',
  'STOPPED',
  'STARTING',
  'RUNNING',
  'STOPPING',
  'CRASHED',
  'ERROR',
  'UNKNOWN',
  'DELETING',
] as const

export type ServerStatus = (typeof SERVER_STATUSES)[number]
