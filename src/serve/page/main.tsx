/** Starts the page. */
import { effect, type Signal } from "@preact/signals";
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
import { compact, host, narrow, view } from "./state.ts";

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

/** Keeps a signal in step with a media query. */
function follow(signal: Signal<boolean>, query: string): void {
  const media = matchMedia(query);
  const measure = () => {
    signal.value = media.matches;
  };
  media.addEventListener("change", measure);
  measure();
}

follow(narrow, "(max-width: 720px)");
follow(compact, "(min-width: 721px) and (max-width: 1100px)");

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
