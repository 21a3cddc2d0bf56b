/** Something with a place in an ordered stream: it covers `from` up to, not including, `to`. */
export type Positioned = { from: number; to: number }

/** What a follower of a live stream is told. Neither may throw. */
export type LiveListener<Event extends Positioned> = {
  /** Consecutive events, in order. */
  events(events: readonly Event[]): void
  /** Nothing comes any more. */
  ended(): void
}

export type LiveStreamOptions<Event extends Positioned> = {
  /** Names everything that decides about the events, apart from where to start. */
  topic: string
  /** Position of the first event that is wanted. One that is not reached yet is waited for. */
  start: number
  /** Follows from now on, until the returned function is called. */
  follow(listener: LiveListener<Event>): () => void
  /** One past the last event that followers were told. */
  end(): number
  /** The events from a position on, or some of them, up to `end()`; empty when there are none. A position inside one cuts it. */
  read(position: number): Promise<readonly Event[]>
  /** For one who cannot keep up: a later position to go on from, and the event that says so. */
  skip(position: number): Promise<Event | null>
}

/**
 * What the `subscribe` of a field may return instead of a generator when its events are the same for everybody who may see
 * them: the subscription hub executes and serialises each once. Only for types whose fields look at nothing but the event.
 */
export class LiveStream<Event extends Positioned = Positioned> implements AsyncIterable<Event> {
  readonly options: LiveStreamOptions<Event>

  constructor(options: LiveStreamOptions<Event>) {
    this.options = options
  }

  // graphql-js asks whether it is iterable; nobody iterates over it.
  [Symbol.asyncIterator](): AsyncIterator<Event> {
    throw new Error('A live stream goes through the hub.')
  }
}
