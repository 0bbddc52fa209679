/** Completions for fish, 3.4 or later. */
import { timerNames } from "../../families/inet/timer-names.ts";
import { commandWords } from "../commands/command-names.ts";
import type { OptionHelp } from "../help.ts";
import type { OptionValue } from "../option.ts";
import { type CommandOptions, commandOptions, hasValue, listWords, SS, valueWords } from "./options.ts";
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

/** The flags of fish's `complete` for each kind of value. */
const values: Readonly<Record<OptionValue["kind"], (value: OptionValue) => string>> = {
  file: () => "-r -F",
  folder: () => "-x -a '(__fish_complete_directories)'",
  netns: () => "-x -a '(__sockscope_entries /run/netns)'",
  hosts: () => "-x -a '(__fish_print_hostnames)'",
  number: () => "-x",
  word: (value) => (value.choices === undefined ? "-x" : `-x -a '${valueWords(value).join(" ")}'`),
  list: (value) => `-x -a '(__sockscope_list ${listWords(value).join(" ")})'`,
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

/** Prefix of the made-up command names under which the options of commands are registered. */
const PREFIX = "__sockscope_command_";

/** Text in single quotes. */
function quote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

function completeOption(start: string, { shorts, longs, value, brief }: OptionHelp): string {
  const names = [
    ...[...(shorts ?? "")].map((letter) => `-s ${letter}`),
    ...longs.map((long) => `-l ${long}`),
  ];
  const parts = [start, ...names, `-d ${quote(brief)}`];
  return (value === undefined ? parts : [...parts, values[value.kind](value)]).join(" ");
}

/** The `complete` lines for a command line without a command. They must not apply after a command. */
function completeSs(program: string, { own }: CommandOptions): string {
  const start = `complete -c ${program} -n __sockscope_no_command`;
  const first = `complete -c ${program} -n 'test (count (commandline -opc)) -eq 1'`;
  return [
    `${start} -f -a '(__sockscope_filter)'`,
    ...Object.entries(commandWords).map(([word, brief]) => `${first} -a ${word} -d ${quote(brief)}`),
    ...own.map((option) => completeOption(start, option)),
  ].join("\n");
}

/** The `complete` lines for a command. */
function completeCommand({ command, own, taken }: CommandOptions): string {
  const start = `complete -c ${PREFIX}${command}`;
  return [
    `${start} -f -a '(__sockscope_filter)'`,
    ...[...own, ...taken].map((option) => completeOption(start, option)),
  ].join("\n");
}

/** A pattern that never matches. */
const NEVER = "(?!)";

/** The `case` branch with the patterns for a command's options that take a value: short and long. */
function valuedCase({ command, own, taken }: CommandOptions): string {
  const valued = [...own, ...taken].filter(hasValue);
  const letters = valued.map(({ shorts = "" }) => shorts).join("");
  const longs = valued.flatMap((option) => option.longs).join("|");
  const bundle = letters === "" ? NEVER : `-[^-${letters}]*[${letters}]`;
  const word = longs === "" ? NEVER : `--(${longs})`;
  return `\
        case ${command === SS ? "'*'" : `${PREFIX}${command}`}
            printf '%s\\n' '${bundle}' '${word}'`;
}

/** The `case` branch for keywords with the same completion: relations first, then the operand. */
function operandCase({ keywords, kind, relations }: KeywordGroup): string {
  return `\
        case ${keywords.join(" ")}
            test "$before" = "$keyword"; and printf '%s\\n' ${relations.map(quote).join(" ")}
            ${operands[kind]}`;
}

const [ss, ...commands] = commandOptions;

/** The script for fish. @param program the command to complete */
export function fishCompletion(program: string): string {
  return `\
# fish completion for ${program}, as '${program} --completions fish' writes it.

# A command is the first argument.
function __sockscope_no_command
    set -l words (commandline -opc)
    not contains -- "$words[2]" ${commandNames.join(" ")}
end

# The letters of a command may take values where those of ss do not, which fish keeps apart by the name of a program
# only. So a command is completed like a program.
function __sockscope_after_command
    set -l words (commandline -opc)
    set -l line ${PREFIX}$words[2] (string escape -- $words[3..])
    complete -C "$line $(commandline -ct)"
end

# Two patterns for options whose value follows: letters, if the last one takes a value, and whole words.
function __sockscope_valued
    switch (commandline -opc)[1]
${[...commands, ss].map(valuedCase).join("\n")}
    end
end

# Names in a directory.
function __sockscope_entries
    set -l paths $argv[1]/*
    string replace -r '.*/' '' -- $paths
end

# Words, each after the words that the list already has.
function __sockscope_list
    set -l valued (__sockscope_valued)
    set -l value (commandline -ct | string replace -r "^($valued[1]|--[^=]*=)" '')
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
    set -l valued (__sockscope_valued)
    set -l words (commandline -opc)[2..]
    if contains -- --help $words; or contains -- -h $words
        string match -q '${PREFIX}*' (commandline -opc)[1]; or printf '%s\\n' ${helpTopics.join(" ")}
        return
    end
    for word in $words
        if set -q pending[1]
            set pending
        else if string match -qr "^($valued[1]|$valued[2])\\$" -- $word
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

${completeSs(program, ss)}

complete -c ${program} -n 'not __sockscope_no_command' -f -a '(__sockscope_after_command)'

${commands.map(completeCommand).join("\n\n")}
`;
}
