/** `who`: the processes behind a port, an address or a process id. */
import type { Command } from "./command.ts";
import { commandWords } from "./command-names.ts";

/** The command. */
export const who: Command<undefined> = {
  doc:
    `${commandWords.who}: its program, arguments and directory, who started it and when, its systemd unit or ` +
    "container, where it listens, and who is connected to it. The operand is a port (8080, :http), an address " +
    "(10.0.0.5, [::1]:80), a host name, or a process (pid=42). A bare number is a port; if no socket has that port, it " +
    "is a process. Sockets without a process, such as those in TIME-WAIT, are listed with the reason. The exit status " +
    "is 1 if nothing was found. Processes of other users need root.",
  operands: "PORT|ADDRESS|PID",
  options: [],
  settings: undefined,
  run: async (task) => (await import("./who/run.ts")).runWho(task),
};
