/** /openapi.json, made from the table of routes. */
import { KILL_HEADER } from "./guard.ts";
import type { Route } from "./route.ts";
import { jsonAnswer } from "./server.ts";

const problem = {
  description: "The request cannot be answered.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/problem" } } },
};

function operation({ doc, access, parameters, types, path, method }: Route) {
  return {
    operationId: `${method.toLowerCase()} ${path}`,
    summary: doc,
    security: access === "open" ? [] : access === "kill" ? [{ token: [], kill: [] }] : [{ token: [] }],
    parameters: parameters.map(({ name, in: place, doc, schema }) => ({
      name,
      in: place,
      description: doc,
      required: place === "path",
      schema,
    })),
    responses: {
      200: {
        description: doc,
        content: Object.fromEntries(types.map((type) => [type, {}])),
      },
      default: problem,
    },
  };
}

/** The OpenAPI document of routes. @param version of the program */
export function openapi(routes: readonly Route[], version: string) {
  const paths: { [path: string]: { [method: string]: unknown } } = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "sockscope serve", version, license: { name: "MIT" } },
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        kill: { type: "apiKey", in: "header", name: KILL_HEADER },
      },
      schemas: {
        problem: {
          type: "object",
          required: ["type", "title", "status", "detail"],
          properties: {
            type: { type: "string" },
            title: { type: "string" },
            status: { type: "integer" },
            detail: { type: "string" },
            parameter: { type: "string", description: "the parameter that is wrong" },
            filter: {
              type: "object",
              description: "where a filter is wrong, in UTF-16 code units",
              properties: {
                offset: { type: "integer" },
                length: { type: "integer" },
                expected: { type: "string" },
                text: { type: "string" },
                line: { type: "string" },
                caret: { type: "string" },
              },
            },
          },
        },
      },
    },
  };
}

/** The route of the document, which lists itself. */
export function withOpenapi(routes: readonly Route[], version: string): Route[] {
  const all: Route[] = [
    ...routes,
    {
      method: "GET",
      path: "/openapi.json",
      doc: "This API as OpenAPI 3.1.",
      access: "token",
      parameters: [],
      types: ["application/json"],
      handle: ({ request }) => jsonAnswer(request, openapi(all, version)),
    },
  ];
  return all;
}
