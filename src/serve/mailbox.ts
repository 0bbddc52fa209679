/**
 * The messages that wait for one client, bounded whatever the client does: only the newest sample waits, and events
 * beyond a limit are counted, not kept.
 */

/** Messages for one client. */
export class Mailbox {
  readonly #most: number;
  #sample: string | undefined;
  #events: string[] = [];
  #lost = 0;
  #beat = false;
  #last: string | undefined;
  #wake: (() => void) | undefined;

  /** @param most events that wait at most */
  constructor(most: number) {
    this.#most = most;
  }

  /** Replaces the sample that waits. */
  putSample(message: string): void {
    this.#sample = message;
    this.#ring();
  }

  /** Adds an event, or counts it if too many wait. */
  putEvent(message: string): void {
    if (this.#events.length >= this.#most) this.#lost++;
    else this.#events.push(message);
    this.#ring();
  }

  /** Counts events that were lost before they came here. */
  putLost(events: number): void {
    this.#lost += events;
    this.#ring();
  }

  /** Sends a sign of life if nothing else waits. */
  putBeat(): void {
    this.#beat = true;
    this.#ring();
  }

  /** Sends a last message. */
  end(message: string): void {
    this.#last = message;
    this.#ring();
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#events.length + (this.#sample === undefined ? 0 : 1);
  }

  /** Waits for messages. */
  async arrival(): Promise<void> {
    if (this.#isEmpty())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /**
   * Takes everything that waits.
   *
   * @param lostMessage makes the message that says how many events are missing
   */
  take(lostMessage: (events: number) => string): { readonly text: string; readonly ended: boolean } {
    const parts = [
      ...this.#events,
      this.#lost > 0 ? lostMessage(this.#lost) : "",
      this.#sample ?? "",
      this.#last ?? "",
    ];
    const text = parts.join("");
    this.#events = [];
    this.#lost = 0;
    this.#sample = undefined;
    this.#beat = false;
    return { text: text === "" ? ":\n\n" : text, ended: this.#last !== undefined };
  }

  #isEmpty(): boolean {
    const { waiting } = this;
    return waiting === 0 && this.#lost === 0 && !this.#beat && this.#last === undefined;
  }

  #ring(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
