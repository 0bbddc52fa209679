/** Completions for zsh, with what its own completion system knows of hosts, ports and interfaces. */
import type { Keyword } from "../../filter/tree.ts";
import { type Option, type OptionValue, options } from "../options.ts";
import {
  hostPrefixWords,
  joinWords,
  keywords,
  NOT,
  type OperandKind,
  operandKeywords,
  plainRelations,
  relationSpellings,
  stateKeywords,
  stateNames,
} from "./vocabulary.ts";

/** How each kind of value is completed: the action of an `_arguments` specification. */
const actions: Readonly<Record<OptionValue["kind"], (value: OptionValue) => string>> = {
  file: () => "_files",
  folder: () => "_files -/",
  netns: () => "_sockscope_netns",
  number: () => "",
  word: ({ choices = [] }) => `(${choices.join(" ")})`,
  list: ({ choices = [] }) => `_sockscope_list ${choices.join(" ")}`,
};

const operands: Readonly<Record<OperandKind, string>> = {
  host: `_sockscope_hosts ${hostPrefixWords.join(" ")}`,
  port: "_sockscope_ports",
  interface: "_net_interfaces",
  mark: "_message 'mark'",
  cgroup: "_sockscope_cgroups",
};

/** Text inside the brackets of a specification, within single quotes. */
function explanation(text: string): string {
  return text.replace(/[[\]\\:]/g, "\\$&").replaceAll("'", "'\\''");
}

/** The specifications of an option: one for each of its names, which exclude each other unless it may be repeated. */
function specifications({ shorts, longs, value, brief }: Option): string[] {
  const names = [...[...(shorts ?? "")].map((letter) => `-${letter}`), ...longs.map((long) => `--${long}`)];
  const before = value === undefined ? `(${names.join(" ")})` : "*";
  const after = value === undefined ? "" : `:${value.name}:${actions[value.kind](value)}`;
  return names.map((name) => {
    const attached = value === undefined ? "" : name.startsWith("--") ? "=" : "+";
    return `    '${before}${name}${attached}[${explanation(brief)}]${after}' \\`;
  });
}

/** Words in single quotes. */
function quoted(words: readonly string[], separator = " "): string {
  return words.map((word) => `'${word}'`).join(separator);
}

/** The case of a keyword: relations right after it, and what it takes. */
function operandCase([keyword, kind]: readonly [Keyword, OperandKind]): string {
  return `\
    ${keyword})
      [[ $before == ${keyword} ]] && _sockscope_words relation -Q ${quoted(plainRelations(keyword))}
      ${operands[kind]}
      ;;`;
}

/** The script for zsh. @param program the command that is to be completed */
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
  local -a plain=("\${(@Q)\${(@)words[1,CURRENT-1]:#-?*}}")
  while (( $#plain >= 2 )) && [[ $plain[1] == (${stateKeywords.join("|")}) ]]; do shift 2 plain; done
  local before=$plain[-1] keyword=$plain[-1]
  case $before in
    ${quoted(relationSpellings, "|")}) (( $#plain > 1 )) && keyword=$plain[-2] ;;
  esac
  case $keyword in
    ${stateKeywords.join("|")}) _sockscope_words state ${stateNames.join(" ")} ;;
${operandKeywords.map(operandCase).join("\n")}
    *)
      _sockscope_words predicate ${keywords.join(" ")} ${NOT}
      case $before in
        "") _sockscope_words 'state keyword' ${stateKeywords.join(" ")} ;;
        ${[...joinWords, NOT].join("|")}|"(") ;;
        *) _sockscope_words operator ${joinWords.join(" ")} ;;
      esac
      ;;
  esac
}

_sockscope() {
  _arguments -s -S \\
${options.flatMap(specifications).join("\n")}
    '*::filter:_sockscope_filter'
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _sockscope "$@"
else
  compdef _sockscope ${program}
fi
`;
}
