/** Completions for bash 4.4 or later, without the bash-completion package. */
import { timerNames } from "../../families/inet/timer-names.ts";
import type { OptionHelp } from "../help.ts";
import type { OptionValue } from "../option.ts";
import {
  type CommandOptions,
  commandOptions,
  hasValue,
  listWords,
  optionNames,
  SS,
  valueWords,
} from "./options.ts";
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

/** The script's completion command for each kind of value. */
const values: Readonly<Record<OptionValue["kind"], (value: OptionValue) => string>> = {
  file: () => "files -f",
  folder: () => "files -d",
  netns: () => "netns",
  hosts: () => "hosts",
  number: () => "nothing",
  word: (value) => (value.choices === undefined ? "nothing" : `words ${valueWords(value).join(" ")}`),
  list: (value) => `list ${listWords(value).join(" ")}`,
};

const operands: Readonly<Record<OperandKind, string>> = {
  host: `hosts ${hostPrefixWords.join(" ")}`,
  port: "ports",
  interface: "interfaces",
  mark: "nothing",
  cgroup: "cgroups",
  "process id": "processes id",
  "process name": "processes name",
  user: "users",
  "network namespace": "netns",
  container: "nothing",
  timer: `words ${timerNames.join(" ")}`,
  "congestion control": "congestion_controls",
  amount: "nothing",
};

/** The `case` branch that offers a command's options. */
function namesCase({ command, own, taken }: CommandOptions): string {
  return `    ${command}) __sockscope_offer "" ${[...own, ...taken].flatMap(optionNames).join(" ")} ;;`;
}

function valueCase(option: OptionHelp & { value: OptionValue }): string {
  return `    ${optionNames(option).join(" | ")}) takes=(${values[option.value.kind](option.value)}) ;;`;
}

/** The shell function for the values of a command's options. It delegates ss's options to the function of ss. */
function valueFunction({ command, own, taken }: CommandOptions): string {
  const cases = own.filter(hasValue).map(valueCase);
  const ofSs = taken.filter(hasValue).flatMap(optionNames).join(" | ");
  if (ofSs !== "") cases.push(`    ${ofSs}) __sockscope_value_${SS} "$1" ;;`);
  return `\
__sockscope_value_${command}() {
  case $1 in
${cases.join("\n")}
  esac
}`;
}

/** Words in single quotes, so that the shell expands nothing in them. */
function quoted(words: readonly string[], separator = " "): string {
  return words.map((word) => `'${word}'`).join(separator);
}

/** The `case` branch for keywords with the same completion: relations first, then the operand. */
function operandCase({ keywords, kind, relations }: KeywordGroup): string {
  const [complete, ...args] = operands[kind].split(" ");
  return `\
    ${keywords.join(" | ")})
      [[ $before == "$keyword" ]] && __sockscope_offer "" ${quoted(relations)}
      ${[`__sockscope_${complete}`, '""', ...args].join(" ")}
      ;;`;
}

/** The script for bash. @param program the command to complete */
export function bashCompletion(program: string): string {
  return `\
# bash completion for ${program}, as '${program} --completions bash' writes it.

# Offers the words after the first argument that fit $cur, each with that argument before it.
__sockscope_offer() {
  local head=$1 word
  shift
  for word; do [[ $head$word == "$cur"* ]] && COMPREPLY+=("$head$word"); done
}

# How to complete what follows: each function takes what stands before it in the same word.
__sockscope_nothing() { :; }

__sockscope_words() { __sockscope_offer "$@"; }

__sockscope_list() {
  local value=\${cur#"$1"} before=$1
  shift
  [[ $value == *,* ]] && before+=\${value%,*},
  value=\${value##*,}
  [[ $value == [\\\\]* ]] && before+=\${value:0:1} value=\${value:1}
  [[ $value == [-!]* ]] && before+=\${value:0:1}
  __sockscope_offer "$before" "$@"
}

__sockscope_files() {
  mapfile -t COMPREPLY < <(compgen "$2" -P "$1" -- "\${cur#"$1"}")
  compopt -o filenames 2> /dev/null
}

__sockscope_entries() {
  local head=$1 entry
  for entry in "$2"/*; do [[ -e $entry ]] && __sockscope_offer "$head" "\${entry##*/}"; done
}

__sockscope_netns() { __sockscope_entries "$1" /run/netns; }

__sockscope_interfaces() { __sockscope_entries "$1" /sys/class/net; }

__sockscope_users() { COMPREPLY+=($(compgen -u -- "$cur")); }

__sockscope_congestion_controls() {
  local -a controls=()
  read -ra controls 2> /dev/null < ${CONGESTION_CONTROLS}
  __sockscope_offer "$1" "\${controls[@]}"
}

# Processes by their id or name. Threads of the kernel have no arguments and no sockets. Names that a shell or a
# filter would take apart are left out.
__sockscope_processes() {
  local entry arguments name
  for entry in /proc/[0-9]*; do
    arguments= name=
    IFS= read -rd '' arguments < "$entry/cmdline"
    [[ $arguments ]] && read -r name < "$entry/comm"
    [[ $name ]] || continue
    [[ $2 == id ]] && name=\${entry##*/}
    [[ $name == *[^[:alnum:]_.:/+@%,-]* ]] || __sockscope_offer "$1" "$name"
  done 2> /dev/null
}

__sockscope_ports() {
  local head=\${cur%"\${cur##*:}"} name rest
  while read -r name rest; do
    [[ $name == [[:alnum:]]* ]] && __sockscope_offer "$head" "$name"
  done 2> /dev/null < /etc/services
}

__sockscope_hosts() {
  local head=$1 host
  shift
  if [[ $cur == *:* ]]; then
    __sockscope_ports
    return
  fi
  __sockscope_offer "$head" "$@"
  while read -r host; do __sockscope_offer "$head" "$host"; done < <(compgen -A hostname -- "$cur")
}

# Paths from the root of the control groups, one level at a time.
__sockscope_cgroups() {
  local mount type rest path
  while read -r rest mount type rest; do [[ $type == cgroup2 ]] && break; done 2> /dev/null < /proc/mounts
  [[ $type == cgroup2 ]] || return
  while IFS= read -r path; do
    path=\${path#"$mount"}
    # Anybody with cgroups of their own can name one like a command, and readline inserts what it is given. A backslash
    # is systemd's own, and quoted.
    [[ $path == *[^[:alnum:]_.:/+@%,\\\\-]* ]] || COMPREPLY+=("\${path//\\\\/\\\\\\\\}")
  done < <(
    compgen -d -- "$mount\${cur:-/}"
    [[ -n $cur && $cur != */ && -d $mount$cur ]] && compgen -d -- "$mount$cur/"
  )
  compopt -o nospace 2> /dev/null
}

# Offers the names of the options after a command.
__sockscope_names() {
  case $command in
${commandOptions.map(namesCase).join("\n")}
  esac
}

# Each sets takes to how the value of an option after a command is completed.
${commandOptions.map(valueFunction).join("\n\n")}

# Sets takes to how the value of an option is completed; to nothing if it takes none.
__sockscope_value() {
  takes=()
  "__sockscope_value_$command" "$1"
}

# Takes an argument that begins with a dash apart: takes as above, head to what stands before the value, attached
# to whether the value is in the same argument.
__sockscope_option() {
  local at
  head=$1 attached=
  case $1 in
    --*=*) head=\${1%%=*}= attached=1 && __sockscope_value "\${1%%=*}" ;;
    --*) __sockscope_value "$1" ;;
    *)
      for ((at = 1; at < \${#1}; at++)); do
        __sockscope_value "-\${1:at:1}"
        [[ \${takes-} ]] || continue
        head=\${1:0:at + 1}
        [[ $head == "$1" ]] || attached=1
        return
      done
      ;;
  esac
}

# Completes a word of the filter. The arguments are the words before it.
__sockscope_filter() {
  while [[ $# -ge 2 && $1 == @(${stateKeywords.join("|")}) ]]; do shift 2; done
  local before= keyword
  (($#)) && before=\${!#}
  keyword=$before
  case $before in
    ${quoted(relationSpellings, " | ")}) (($# > 1)) && keyword=\${@:$#-1:1} ;;
  esac
  case $keyword in
    ${stateKeywords.join(" | ")}) __sockscope_offer "" ${stateNames.join(" ")} ;;
${keywordGroups.map(operandCase).join("\n")}
    *)
      __sockscope_offer "" ${predicateWords.map(([word]) => word).join(" ")} ${NOT}
      case $before in
        "") __sockscope_offer "" ${stateKeywords.join(" ")} ;;
        ${[...joinWords, NOT].join(" | ")} | "(") ;;
        *) __sockscope_offer "" ${joinWords.join(" ")} ;;
      esac
      ;;
  esac
}

_sockscope() {
  COMPREPLY=()
  # The shell has cut the words at = and : as well; what stands close together is one argument.
  local line=\${COMP_LINE:0:COMP_POINT} rest piece cut= at
  local -a words=()
  for ((at = 0; at <= COMP_CWORD; at++)); do
    rest=\${line#"\${line%%[![:space:]]*}"}
    piece=\${COMP_WORDS[at]}
    ((at == COMP_CWORD)) && piece=$rest
    if [[ at -gt 0 && $rest == "$line" ]]; then
      cut=\${words[-1]}
      words[-1]+=$piece
    else
      cut=
      words+=("$piece")
    fi
    line=\${rest#"$piece"}
  done
  # Of the last argument, the shell replaces what follows the last place where it cuts.
  [[ $piece == [=:]* && $COMP_WORDBREAKS == *"\${piece:0:1}"* ]] && cut+=$piece
  local cur=\${words[-1]}
  [[ $cur == [\\'\\"]* ]] && cur=\${cur:1}

  # A command is the first argument, and ${SS} stands for none.
  local command=${SS} first=1
  [[ \${#words[@]} -gt 2 && \${words[1]} == @(${commandNames.join("|")}) ]] && command=\${words[1]} first=2

  local head attached ended= help= word
  local -a takes=() pending=() plain=()
  for word in "\${words[@]:first:\${#words[@]}-first-1}"; do
    word=\${word//[\\\\\\'\\"]/}
    if [[ \${pending-} ]]; then
      pending=()
    elif [[ $ended || $word != -?* ]]; then
      plain+=("$word")
    elif [[ $word == -- ]]; then
      ended=1
    else
      takes=()
      [[ $word == @(-h|--help) ]] && help=1
      __sockscope_option "$word"
      [[ $attached ]] || pending=("\${takes[@]}")
    fi
  done

  takes=()
  if [[ \${pending-} ]]; then
    "__sockscope_$pending" "" "\${pending[@]:1}"
  elif [[ $help && $cur != -* ]]; then
    [[ $command != ${SS} ]] || ((\${#plain[@]})) || __sockscope_offer "" ${helpTopics.join(" ")}
  elif [[ $ended || $cur != -* ]]; then
    ((\${#words[@]} > 2)) || __sockscope_offer "" ${commandNames.join(" ")}
    __sockscope_filter "\${plain[@]}"
  else
    __sockscope_option "$cur"
    if [[ $attached ]]; then
      [[ \${takes-} ]] && "__sockscope_$takes" "$head" "\${takes[@]:1}"
    else
      __sockscope_names
    fi
  fi

  COMPREPLY=("\${COMPREPLY[@]#"$cut"}")
  [[ \${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *: ]] && compopt -o nospace 2> /dev/null
  return 0
}

complete -F _sockscope ${program}
`;
}
