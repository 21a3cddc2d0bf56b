/** Where the events of one operation on a socket go when they are not executed for it alone. */
export type Outlet = {
  /** Sends a serialised execution result followed by a closing brace. The bytes are shared: nobody changes them. */
  send(body: Buffer): void
  /** What the client has not read yet, of all operations on its socket. */
  waitingBytes(): number
  /** Resolves when the client has read everything, or is gone. */
  drained(): Promise<void>
}
