/** Completions for zsh. Hosts, ports and interfaces come from zsh's own completion functions. */
import { timerNames } from "../../families/inet/timer-names.ts";
import { commandWords } from "../commands/command-names.ts";
import type { OptionHelp } from "../help.ts";
import type { OptionValue } from "../option.ts";
import { type CommandOptions, commandOptions, listWords, optionNames, SS, valueWords } from "./options.ts";
import {
  CONGESTION_CONTROLS,
  commandNames,
  helpTopics,
  hostPrefixWords,
  joinWords,
  type KeywordGroup,
  keywordGroups,
  NOT,
  type OperandKind,
  predicateWords,
  relationSpellings,
  stateKeywords,
  stateNames,
} from "./vocabulary.ts";

/** The action of an `_arguments` specification for each kind of value. */
const actions: Readonly<Record<OptionValue["kind"], (value: OptionValue) => string>> = {
  file: () => "_files",
  folder: () => "_files -/",
  netns: () => "_sockscope_netns",
  hosts: () => "_hosts",
  number: () => "",
  word: (value) => (value.choices === undefined ? "" : `(${valueWords(value).join(" ")})`),
  list: (value) => `_sockscope_list ${listWords(value).join(" ")}`,
};

const operands: Readonly<Record<OperandKind, string>> = {
  host: `_sockscope_hosts ${hostPrefixWords.join(" ")}`,
  port: "_sockscope_ports",
  interface: "_net_interfaces",
  mark: "_message 'mark'",
  cgroup: "_sockscope_cgroups",
  "process id": "_sockscope_processes id",
  "process name": "_sockscope_processes name",
  user: "_users",
  "network namespace": "_sockscope_netns",
  container: "_message 'container'",
  timer: `_sockscope_words timer ${timerNames.join(" ")}`,
  "congestion control": "_sockscope_congestion_controls",
  amount: "_message 'amount'",
};

/** Escapes the description in a specification: inside brackets, inside single quotes. */
function explanation(text: string): string {
  return text.replace(/[[\]\\:]/g, "\\$&").replaceAll("'", "'\\''");
}

/** One specification per name of an option. The names exclude each other unless the option may be repeated. */
function specifications({ value, brief, ...option }: OptionHelp): string[] {
  const names = optionNames(option);
  const before = value === undefined ? `(${names.join(" ")})` : "*";
  const after = value === undefined ? "" : `:${explanation(value.name)}:${actions[value.kind](value)}`;
  return names.map((name) => {
    const attached = value === undefined ? "" : name.startsWith("--") ? "=" : "+";
    return `    '${before}${name}${attached}[${explanation(brief)}]${after}' \\`;
  });
}

/** The shell function that completes the arguments of a command. */
function argumentsFunction({ command, own, taken }: CommandOptions): string {
  return `\
_sockscope_arguments_${command}() {
  _arguments -s -S \\
${[...own, ...taken].flatMap(specifications).join("\n")}
    '*::filter:_sockscope_filter'
}`;
}

/** An array of words with descriptions, for `_describe`. */
function described(words: Iterable<readonly [word: string, meaning: string]>, indent: string): string {
  return Array.from(words, ([word, meaning]) => `${indent}'${word}:${explanation(meaning)}'`).join("\n");
}

/** Words in single quotes. */
function quoted(words: readonly string[], separator = " "): string {
  return words.map((word) => `'${word}'`).join(separator);
}

/** The `case` branch for keywords with the same completion: relations first, then the operand. */
function operandCase({ keywords, kind, relations }: KeywordGroup): string {
  return `\
    ${keywords.join("|")})
      [[ $before == $keyword ]] && _sockscope_words relation -Q ${quoted(relations)}
      ${operands[kind]}
      ;;`;
}

/** The script for zsh. @param program the command to complete */
export function zshCompletion(program: string): string {
  return `\
#compdef ${program}
# zsh completion for ${program}, as '${program} --completions zsh' writes it.

# Offers words. The first argument is what they are called.
_sockscope_words() {
  local expl name=$1
  shift
  _wanted "\${name// /-}s" expl "$name" compadd "$@"
}

_sockscope_list() {
  # All of the list is offered, so that the shell quotes every ! in it.
  local before=\${(M)PREFIX##*,}
  before+=\${(M)\${PREFIX#"$before"}#[-!]}
  _sockscope_words 'list element' -S '' -- $before\${^@}
}

_sockscope_netns() { _sockscope_words 'network namespace' /run/netns/*(N:t); }

_sockscope_congestion_controls() {
  local -a controls
  read -rA controls 2> /dev/null < ${CONGESTION_CONTROLS}
  _sockscope_words 'congestion control' -- $controls
}

# Processes by their id or name. Threads of the kernel have no arguments and no sockets. Names that a filter would
# take apart are left out.
_sockscope_processes() {
  local entry arguments name
  local -aU found
  for entry in /proc/<->(N); do
    arguments= name=
    IFS= read -rd '' arguments < $entry/cmdline
    [[ -n $arguments ]] && read -r name < $entry/comm
    [[ -n $name && $name != *[^[:graph:]]* && $name != *\\* ]] || continue
    [[ $1 == id ]] && name=\${entry:t}
    found+=$name
  done 2> /dev/null
  _sockscope_words "process $1" -- $found
}

_sockscope_ports() {
  compset -P '*:'
  _ports
}

_sockscope_hosts() {
  if compset -P '*:'; then
    _ports
  else
    _sockscope_words family -S '' "$@"
    _hosts
  fi
}

# Paths from the root of the control groups, one level at a time.
_sockscope_cgroups() {
  local rest mount type
  while read -r rest mount type rest; do [[ $type == cgroup2 ]] && break; done < /proc/mounts
  [[ $type == cgroup2 ]] || return 1
  local -a paths=($mount\${(Q)PREFIX:-/}*(N-/))
  [[ -n $PREFIX && $PREFIX != */ ]] && paths+=($mount\${(Q)PREFIX}/*(N-/))
  _sockscope_words 'control group' -S '' -- \${paths#$mount}
}

_sockscope_filter() {
  if (( $+opt_args[--help] + $+opt_args[-h] )); then
    [[ $command == ${SS} ]] && (( CURRENT == 1 )) && _sockscope_words topic ${helpTopics.join(" ")}
    return
  fi
  if (( first )); then
    local -a commands=(
${described(Object.entries(commandWords), "      ")}
    )
    _describe -t commands command commands
  fi
  local -a plain=("\${(@Q)\${(@)words[1,CURRENT-1]:#-?*}}")
  while (( $#plain >= 2 )) && [[ $plain[1] == (${stateKeywords.join("|")}) ]]; do shift 2 plain; done
  local before=$plain[-1] keyword=$plain[-1]
  case $before in
    ${quoted(relationSpellings, "|")}) (( $#plain > 1 )) && keyword=$plain[-2] ;;
  esac
  case $keyword in
    ${stateKeywords.join("|")}) _sockscope_words state ${stateNames.join(" ")} ;;
${keywordGroups.map(operandCase).join("\n")}
    *)
      local -a predicates=(
${described(predicateWords, "        ")}
      )
      _describe -t predicates predicate predicates
      _sockscope_words operator ${NOT}
      case $before in
        "") _sockscope_words 'state keyword' ${stateKeywords.join(" ")} ;;
        ${[...joinWords, NOT].join("|")}|"(") ;;
        *) _sockscope_words operator ${joinWords.join(" ")} ;;
      esac
      ;;
  esac
}

# What follows each command, and the program alone.
${commandOptions.map(argumentsFunction).join("\n\n")}

_sockscope() {
  local -A opt_args
  # A command is the first argument, and ${SS} stands for none.
  local command=${SS}
  local -i first=$(( CURRENT == 2 ))
  if [[ $first -eq 0 && $words[2] == (${commandNames.join("|")}) ]]; then
    command=$words[2]
    shift words
    (( CURRENT-- ))
  fi
  _sockscope_arguments_$command
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _sockscope "$@"
else
  compdef _sockscope ${program}
fi
`;
}
