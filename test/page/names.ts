/** What the world of the page's tests has. */

/** The name of its process: HTML with a handler, as long as a name may be. */
export const hostileName = "<b onclick=x()>";

/** The name of a UNIX socket. */
export const hostilePath = "<img src=x onerror=hacked=1>";

/** Local ports of its servers. Connections to `churn` end at once, those to `brief` after some seconds; `full` accepts none. */
export const ports = { talk: 5432, idle: 8080, leak: 9090, churn: 7070, brief: 6060, full: 4040 } as const;

/** How many connections there are to each server. */
export const quantities = { talk: 8, idle: 1200, leak: 12 } as const;
