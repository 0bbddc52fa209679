/** What an agent that stays refuses, whoever sends the question. */
import type { AnswerLimits } from "../../fleet/answer.ts";

/** The commands whose output it sends, and the options that it refuses. */
export const stayingAgent: Pick<AnswerLimits, "commands" | "refuses"> = {
  // Events are published by themselves.
  commands: ["doctor", "history"],
  refuses: {
    net: "the agent would stay in that namespace; --all-netns lists all",
    watch: "it does not end",
  },
};
