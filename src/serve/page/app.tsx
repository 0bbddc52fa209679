/** The page. */
import { useEffect, useRef } from "preact/hooks";
import type { Tab } from "./address.ts";
import { Details } from "./details.tsx";
import { Doctor } from "./doctor.tsx";
import { Events } from "./events.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { Header, TokenForm } from "./header.tsx";
import { keyHelp } from "./keys.ts";
import { MapPage } from "./map.tsx";
import { Past } from "./past.tsx";
import { announcement, host, link, opened, sample, view } from "./state.ts";
import { Summary } from "./summary.tsx";
import { SocketTable } from "./table.tsx";

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={() => {
        opened.value = "";
      }}
    >
      <h2 id="help-title">Keys</h2>
      <dl>
        {keyHelp.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p class="note">
        The address bar holds the whole view: reload it, or send it. Rates are bytes or segments per second,
        K, M and G are thousands, – is not known.{" "}
        {host.value === undefined ? "" : `Sockscope ${host.value.version}, Linux ${host.value.kernel}.`}
      </p>
      <form method="dialog">
        <button type="submit" class="main">
          Close
        </button>
      </form>
    </dialog>
  );
}

/** What cannot be shown, and why. */
function Notes() {
  const notes = [...(host.value?.missing ?? []), ...(sample.value?.notes ?? [])];
  if (notes.length === 0) return null;
  return (
    <details class="notes">
      <summary>
        {notes.length === 1 ? "One thing is not shown" : `${notes.length} things are not shown`}
      </summary>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
}

const panels: Readonly<Record<Tab, () => preact.ComponentChild>> = {
  sockets: () => <SocketTable />,
  map: () => <MapPage />,
  doctor: () => <Doctor />,
  events: () => <Events />,
};

/** The page. */
export function App() {
  const { tab, open, span } = view.value;
  const isRefused = link.value.state === "refused";
  const hasRows = tab === "sockets" || tab === "map";
  return (
    <>
      <Header />
      {isRefused ? (
        <TokenForm />
      ) : (
        <>
          {span === "" ? null : <Past />}
          {hasRows ? <Summary /> : null}
          {hasRows ? <FilterBar /> : null}
          <div class="body" data-open={open === "" ? undefined : ""}>
            <main>
              <div id="panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
                {panels[tab]()}
              </div>
            </main>
            {open === "" ? null : <Details />}
          </div>
          <Notes />
        </>
      )}
      {opened.value === "help" ? <Help /> : null}
      <div class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}
