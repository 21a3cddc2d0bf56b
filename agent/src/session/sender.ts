/** Sends what waits in the store, one message at a time and in order, until nothing is left. */
export type Sender = {
  /** There may be something to send. */
  poke(): void
  close(): void
}

/**
 * @param sendNext sends one message and resolves with whether more may be waiting; what was sent is out of the store then
 * @param onError called once; nothing is sent after it
 */
export function createSender(sendNext: () => Promise<boolean>, onError: (error: unknown) => void): Sender {
  let isSending = false
  let isPoked = false
  let isClosed = false
  const isOver = () => isClosed

  async function run(): Promise<void> {
    isSending = true
    try {
      while (isPoked && !isOver()) {
        isPoked = false
        while (!isOver() && (await sendNext()));
      }
    } catch (error) {
      isClosed = true
      onError(error)
    } finally {
      isSending = false
    }
  }

  return {
    poke() {
      isPoked = true
      if (!isSending && !isClosed) void run()
    },
    close() {
      isClosed = true
    },
  }
}
