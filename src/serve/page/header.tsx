/** The top of the page: which host, which tab, and how fresh the data is. */
import { useSignal } from "@preact/signals";
import { type Tab, tabs } from "./address.ts";
import { keepToken } from "./api.ts";
import { reconnect } from "./connection.ts";
import { findings } from "./doctor.tsx";
import { moment, spanText } from "./format.ts";
import { host, link, now, opened, sample, show, staleSeconds, view } from "./state.ts";

/** The names of the tabs. */
const tabNames: Readonly<Record<Tab, string>> = {
  sockets: "Sockets",
  map: "Map",
  doctor: "Doctor",
  events: "Events",
};

/** The state of the connection, in words, and its kind for the colour. */
function status(): readonly [kind: string, words: string] {
  const { at, from } = view.value;
  const state = link.value;
  if (state.state === "refused") return ["bad", "No access"];
  if (state.state === "lost") {
    const seconds = Math.max(0, Math.ceil((state.retryAt - now.value) / 1000));
    return ["bad", `Connection lost, again in ${seconds} s`];
  }
  if (at !== "") return ["past", from === "" ? moment(Date.parse(at)) : spanText(from, at)];
  if (staleSeconds.value > 0) return ["bad", `${staleSeconds.value} s old`];
  if (state.state === "connecting") return ["wait", "Connecting"];
  return ["live", "Live"];
}

function Status() {
  const [kind, words] = status();
  // It blinks with the samples, and stands still without them.
  const beats = kind === "live" && (sample.value?.generation ?? 0) % 2 === 1;
  return (
    <span class="status" data-kind={kind} data-beat={beats ? "" : undefined}>
      <i aria-hidden="true" />
      {words}
      {kind === "bad" && link.value.state === "lost" ? (
        <button type="button" class="quiet" onClick={reconnect}>
          Now
        </button>
      ) : null}
    </span>
  );
}

/** Moves between the tabs by arrow keys, as tab lists do. */
function tabKey(event: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const next = tabs[(tabs.indexOf(view.value.tab) + step + tabs.length) % tabs.length]!;
  show({ tab: next });
  document.getElementById(`tab-${next}`)?.focus();
  event.preventDefault();
}

/** Opens and closes the time line. */
function PastButton() {
  if (host.value?.store == null && view.value.at === "") return null;
  const isOpen = view.value.span !== "";
  return (
    <button
      type="button"
      class="past-button"
      aria-expanded={isOpen}
      aria-controls="past"
      title="The past, as sockscope record has kept it"
      onClick={() => show(isOpen ? { span: "", at: "", from: "" } : { span: "3600" })}
    >
      {isOpen ? "Now" : "Past"}
    </button>
  );
}

/** The header. */
export function Header() {
  const { critical = 0, warning = 0 } = findings.value;
  return (
    <header class="top">
      <div class="brand">
        <img src="/icon.svg" alt="" width="24" height="24" />
        <h1>
          Sockscope <span>{host.value?.host}</span>
        </h1>
      </div>
      <div class="tabs" role="tablist" aria-label="Views" onKeyDown={tabKey}>
        {tabs.map((tab, index) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`tab-${tab}`}
            aria-selected={view.value.tab === tab}
            aria-controls="panel"
            aria-keyshortcuts={`${index + 1}`}
            tabIndex={view.value.tab === tab ? 0 : -1}
            onClick={() => show({ tab, open: "" })}
          >
            {tabNames[tab]}
            {tab === "doctor" && critical + warning > 0 ? (
              <span class="badge" data-severity={critical > 0 ? "critical" : "warning"}>
                {critical + warning}
                <span class="unseen"> findings</span>
              </span>
            ) : null}
          </button>
        ))}
      </div>
      <div class="right">
        <Status />
        <PastButton />
        <button
          type="button"
          class="quiet help-button"
          aria-label="Keys and help"
          aria-haspopup="dialog"
          onClick={() => {
            opened.value = "help";
          }}
        >
          ?
        </button>
      </div>
    </header>
  );
}

/** The form for the token, where the server refuses. */
export function TokenForm() {
  const token = useSignal("");
  return (
    <form
      class="card token"
      onSubmit={(event) => {
        event.preventDefault();
        keepToken(token.value.replace(/^.*#token=/, ""));
        reconnect();
      }}
    >
      <h2>This page needs a token</h2>
      <p>
        <code>sockscope serve</code> prints an address that ends in <code>#token=…</code>. Open that address,
        or paste it here. In a service, the token is in the file that its log names.
      </p>
      <label>
        Token
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
      <button type="submit" class="main">
        Continue
      </button>
    </form>
  );
}
