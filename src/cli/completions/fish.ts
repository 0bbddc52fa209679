/** Completions for fish, 3.4 or later. */
import { timerNames } from "../../diag/inet.ts";
import { type Option, type OptionValue, options } from "../options.ts";
import {
  CONGESTION_CONTROLS,
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

/** How each kind of value is completed: the flags of `complete`. */
const values: Readonly<Record<OptionValue["kind"], (value: OptionValue) => string>> = {
  file: () => "-r -F",
  folder: () => "-x -a '(__fish_complete_directories)'",
  netns: () => "-x -a '(__sockscope_entries /run/netns)'",
  number: () => "-x",
  word: ({ choices = [] }) => `-x -a '${choices.join(" ")}'`,
  list: ({ choices = [] }) => `-x -a '(__sockscope_list ${choices.join(" ")})'`,
};

const operands: Readonly<Record<OperandKind, string>> = {
  host: `__sockscope_hosts ${hostPrefixWords.join(" ")}`,
  port: "__sockscope_ports",
  interface: "__sockscope_entries /sys/class/net",
  mark: "true",
  cgroup: "__sockscope_cgroups",
  "process id": "__fish_complete_pids",
  "process name": "__sockscope_process_names",
  user: "__fish_complete_users",
  "network namespace": "__sockscope_entries /run/netns",
  container: "true",
  timer: `printf '%s\\n' ${timerNames.join(" ")}`,
  "congestion control": `string split ' ' < ${CONGESTION_CONTROLS}`,
  amount: "true",
};

/** Text in single quotes. */
function quote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

function completeOption(program: string, { shorts, longs, value, brief }: Option): string {
  const names = [
    ...[...(shorts ?? "")].map((letter) => `-s ${letter}`),
    ...longs.map((long) => `-l ${long}`),
  ];
  const parts = [`complete -c ${program}`, ...names, `-d ${quote(brief)}`];
  return (value === undefined ? parts : [...parts, values[value.kind](value)]).join(" ");
}

const taking = options.filter(({ value }) => value !== undefined);
const letters = taking.map(({ shorts = "" }) => shorts).join("");

/** A pattern for letters of which the last takes a value. */
const BUNDLE = `-[^-${letters}]*[${letters}]`;

/** A pattern for a word whose value is the next word. */
const WANTS_VALUE = `^(${BUNDLE}|--(${taking.flatMap(({ longs }) => longs).join("|")}))$`;

/** A pattern for what stands before a value in the same word. */
const ATTACHED = `^(${BUNDLE}|--[^=]*=)`;

/** The case of keywords that are completed alike: relations right after one, and what it takes. */
function operandCase({ keywords, kind, relations }: KeywordGroup): string {
  return `\
        case ${keywords.join(" ")}
            test "$before" = "$keyword"; and printf '%s\\n' ${relations.map(quote).join(" ")}
            ${operands[kind]}`;
}

/** The script for fish. @param program the command that is to be completed */
export function fishCompletion(program: string): string {
  return `\
# fish completion for ${program}, as '${program} --completions fish' writes it.

# Names in a directory.
function __sockscope_entries
    set -l paths $argv[1]/*
    string replace -r '.*/' '' -- $paths
end

# Words, each behind those that already stand in the list.
function __sockscope_list
    set -l value (commandline -ct | string replace -r '${ATTACHED}' '')
    set -l before (string match -r '^(?:.*,)?[!-]?' -- $value)
    printf '%s\\n' "$before"$argv
end

# Threads of the kernel have no arguments and no sockets. Names that a filter would take apart are left out.
function __sockscope_process_names
    cat /dev/null (grep -ls . /proc/*/cmdline | string replace -r 'cmdline$' comm) 2> /dev/null \
        | string match -r '^[!-[\\]-~]+$' | sort -u
end

function __sockscope_ports
    set -l before (commandline -ct | string match -r '^.*:')
    for name in (string match -r '^[[:alnum:]][^\\s#]*' < /etc/services | sort -u)
        echo "$before$name"
    end
end

function __sockscope_hosts
    if commandline -ct | string match -q '*:*'
        __sockscope_ports
    else
        printf '%s\\n' $argv
        __fish_print_hostnames
    end
end

# Paths from the root of the control groups, one level at a time.
function __sockscope_cgroups
    set -l mount (string match -rg '^\\S+ (\\S+) cgroup2 ' < /proc/mounts)[1]
    test -n "$mount"; or return
    set -l path (commandline -ct)
    test -n "$path"; or set path /
    set -l folders $mount$path*/
    test -d "$mount$path"; and set -a folders $mount$path/*/
    string replace -- $mount '' $folders | string replace -r '/+$' '' | string replace -a // /
end

function __sockscope_filter
    set -l plain
    set -l pending
    if contains -- --help (commandline -opc); or contains -- -h (commandline -opc)
        printf '%s\\n' ${helpTopics.join(" ")}
        return
    end
    for word in (commandline -opc)[2..]
        if set -q pending[1]
            set pending
        else if string match -qr '${WANTS_VALUE}' -- $word
            set pending $word
        else if not string match -q -- '-?*' $word
            set -a plain $word
        end
    end
    while test (count $plain) -ge 2; and contains -- $plain[1] ${stateKeywords.join(" ")}
        set plain $plain[3..]
    end
    set -l before $plain[-1]
    set -l keyword $before
    if contains -- "$before" ${relationSpellings.map(quote).join(" ")}; and set -q plain[2]
        set keyword $plain[-2]
    end
    switch "$keyword"
        case ${stateKeywords.join(" ")}
            printf '%s\\n' ${stateNames.join(" ")}
${keywordGroups.map(operandCase).join("\n")}
        case '*'
            printf '%s\\t%s\\n' ${predicateWords.map(([word, meaning]) => `${word} ${quote(meaning)}`).join(" ")}
            echo ${NOT}
            switch "$before"
                case ''
                    printf '%s\\n' ${stateKeywords.join(" ")}
                case ${[...joinWords, NOT].join(" ")} '('
                case '*'
                    printf '%s\\n' ${joinWords.join(" ")}
            end
    end
end

complete -c ${program} -f -a '(__sockscope_filter)'
${options.map((option) => completeOption(program, option)).join("\n")}
`;
}
