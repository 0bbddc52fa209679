/** The table of routes. */
import { assetRoutes } from "./assets.ts";
import type { ServeContext } from "./context.ts";
import { hostRoute } from "./host.ts";
import { withOpenapi } from "./openapi.ts";
import type { Route } from "./route.ts";

/** Every route. The checks, /openapi.json and the tests are made from it. */
export function routesOf(context: ServeContext): readonly Route[] {
  return withOpenapi([...assetRoutes(), hostRoute(context)], context.version);
}
