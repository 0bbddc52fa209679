/** Completions for fish, 3.4 or later. */
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

/** The case of a keyword: relations right after it, and what it takes. */
function operandCase([keyword, kind]: readonly [Keyword, OperandKind]): string {
  return `\
        case ${keyword}
            test "$before" = ${keyword}; and printf '%s\\n' ${plainRelations(keyword).map(quote).join(" ")}
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
${operandKeywords.map(operandCase).join("\n")}
        case '*'
            printf '%s\\n' ${keywords.join(" ")} ${NOT}
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
