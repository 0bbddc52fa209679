/** Reads Server-Sent Events from the body of an answer: EventSource cannot send a token. */

/** A message of the stream. */
export interface Message {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** The message of a block of lines; undefined if it is a comment. */
function messageOf(block: string): Message | undefined {
  let event = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, key, value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (key === "event") event = value;
    else if (key === "data") data.push(value);
    else if (key === "id") id = value;
  }
  return data.length === 0 ? undefined : { event, data: data.join("\n"), id };
}

/** The messages of a stream, as they come. @param heard is called whenever anything arrives, such as a comment */
export async function* readMessages(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  heard: () => void,
): AsyncGenerator<Message> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const message = messageOf(block);
      if (message !== undefined) yield message;
    }
  }
}
