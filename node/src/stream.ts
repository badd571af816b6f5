// A stream of server-sent events. Nothing piles up in it: who reads slowly gets one event, when everything else has been read.

const encoder = new TextEncoder();
export const encode = (text: string): Uint8Array => encoder.encode(text);

/** How much may wait in a stream before it counts as full, in bytes. What the socket holds comes on top. */
const room = 64 * 1024;

/** A stream that takes nothing for so long has nobody at its end, in milliseconds. */
const patience = 120_000;

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #full: number | undefined; // since when
  #owed: (() => Uint8Array) | undefined;
  #ended: () => void;

  /** `ended` is called once, however it ends. */
  constructor(ended: () => void) {
    this.#ended = ended;
    this.body = new ReadableStream<Uint8Array>({
      start: controller => {
        this.#controller = controller;
      },
      // Whoever sends it on has room again.
      pull: () => {
        if ((this.#controller.desiredSize ?? 0) <= 0) return;
        this.#full = undefined;
        const owed = this.#owed;
        this.#owed = undefined;
        if (owed) this.send(owed());
      },
      cancel: () => this.#finish(),
    }, new ByteLengthQueuingStrategy({highWaterMark: room}));
  }

  /** Whether there is room for an event. */
  get ready(): boolean {
    return (this.#controller.desiredSize ?? 0) > 0;
  }

  /** Send this, of any length, to a stream that is ready. */
  send(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) this.#controller.enqueue(chunk);
    if (!this.ready) this.#full ??= Date.now();
  }

  /** Send this when the stream is ready. If it owes something already, this is that. */
  owe(event: () => Uint8Array): void {
    if (this.ready) this.send(event());
    else this.#owed ??= event;
  }

  /** Now and then: a comment, so that nobody takes the connection for dead. And if it is dead, its end. */
  beat(): void {
    if (this.ready) this.send(heartbeat);
    else if (this.#full && Date.now() - this.#full > patience) this.#giveUp();
  }

  end(): void {
    try {
      this.#controller.close();
    } catch {
      // It has been cancelled.
    }
    this.#finish();
  }

  // What waits in it is dropped. Who sends it on hears of it at once, and not when that has been taken.
  #giveUp(): void {
    this.#controller.error(new Error('nobody reads this stream'));
    this.#finish();
  }

  #finish(): void {
    const ended = this.#ended;
    this.#ended = () => {};
    this.#owed = undefined;
    ended();
  }
}

const heartbeat = encode(':\n\n');
