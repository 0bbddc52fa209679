/** Closes a socket, where the server was started with --allow-kill: with a token of its own, typed each time. */
import { useSignal } from "@preact/signals";
import type { SocketAnswer } from "./answers.ts";
import { authorization, refusalOf } from "./api.ts";
import { endText } from "./ends.ts";
import { announcement, host, view } from "./state.ts";

/** @throws Refusal if the server refuses; TypeError if it does not answer */
async function kill({ id, socket }: SocketAnswer, token: string): Promise<void> {
  const answer = await fetch("/api/kill", {
    method: "POST",
    headers: { ...authorization(), "Content-Type": "application/json", "X-Sockscope-Kill": token.trim() },
    body: JSON.stringify({ id, local: endText(socket.local), peer: endText(socket.peer) }),
  });
  if (!answer.ok) throw await refusalOf(answer);
}

/** The button, and the question behind it. */
export function Kill({ held }: { readonly held: SocketAnswer }) {
  const isAsking = useSignal(false);
  const token = useSignal("");
  const outcome = useSignal("");
  const { socket, state } = held;
  if (host.value?.allowKill !== true || state === "closed" || view.value.at !== "") return null;
  if (!isAsking.value)
    return (
      <section>
        <button
          type="button"
          onClick={() => {
            isAsking.value = true;
          }}
        >
          Close this socket…
        </button>
      </section>
    );
  return (
    <section>
      <form
        class="kill"
        onSubmit={(event) => {
          event.preventDefault();
          kill(held, token.value).then(
            () => {
              outcome.value = announcement.value = "Closed.";
            },
            (error: Error) => {
              outcome.value = error.message;
            },
          );
          token.value = "";
        }}
      >
        <p>
          The kernel closes {endText(socket.local)} → {endText(socket.peer)}, as <code>ss -K</code> does. Its
          program gets an error, and what was not sent is lost.
        </p>
        <label>
          Second token, which the server printed for this
          <input
            type="password"
            autocomplete="off"
            required
            value={token.value}
            onInput={({ currentTarget }) => {
              token.value = currentTarget.value;
            }}
          />
        </label>
        <p role="alert">{outcome.value}</p>
        <button type="submit">Close it</button>{" "}
        <button
          type="button"
          class="quiet"
          onClick={() => {
            isAsking.value = false;
            outcome.value = "";
          }}
        >
          Leave it
        </button>
      </form>
    </section>
  );
}
