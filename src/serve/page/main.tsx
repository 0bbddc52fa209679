/** Starts the page. */
import { effect } from "@preact/signals";
import { render } from "preact";
import { readView, takeToken } from "./address.ts";
import { keepToken } from "./api.ts";
import { App } from "./app.tsx";
import { connect, reconnect } from "./connection.ts";
import { followDetails } from "./details.tsx";
import { followDoctor } from "./doctor.tsx";
import { followEvents } from "./events.tsx";
import { followHostsMap } from "./hosts-map.ts";
import { followKeys } from "./keys.ts";
import { followMap } from "./map.tsx";
import { followRows } from "./rows-data.ts";
import { host, narrow, view } from "./state.ts";

/** Takes the token out of the address bar, so that no copied link has it. @returns whether there was one */
function hideToken(): boolean {
  const { token, rest } = takeToken(location.hash);
  if (token === undefined) return false;
  keepToken(token);
  history.replaceState(null, "", rest || location.pathname);
  return true;
}

/** Follows the address bar: back, forward, and links that are pasted. */
function followAddress(): void {
  const isNew = hideToken();
  view.value = readView(location.hash);
  if (isNew) reconnect();
}

hideToken();
addEventListener("hashchange", followAddress);
addEventListener("popstate", followAddress);

const phone = matchMedia("(max-width: 720px)");
const measure = () => {
  narrow.value = phone.matches;
};
phone.addEventListener("change", measure);
measure();

effect(() => {
  document.title = host.value === undefined ? "Sockscope" : `${host.value.host} · Sockscope`;
});

followKeys();
followRows();
followDetails();
followMap();
followHostsMap();
followDoctor();
followEvents();
connect();
render(<App />, document.body);
