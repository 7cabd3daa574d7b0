import type { Command, Option } from "commander";
import { commandPath, everyCommand } from "./command-help.ts";

export const shells = ["bash", "zsh", "fish"] as const;

/** What may follow the words of a command. */
type Place = {
  readonly path: string;
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
  /** What an argument of it may be, where that is one of a few. */
  readonly choices: readonly string[];
};
type Word = { readonly word: string; readonly meaning: string };

/** A script for a shell that completes the command line as it is in this very version. */
export function completionScript(root: Command, shell: (typeof shells)[number]): string {
  const places = everyCommand(root).map((command) => placeOf(root, command));
  const options = everyCommand(root).flatMap((command) => [...command.options]);
  const taking = [...new Set(options.filter(takesValue).flatMap(flagsOf))].toSorted();
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](places, taking, choicesOf(options));
}

function placeOf(root: Command, command: Command): Place {
  const own = command === root ? [...root.options] : [...command.options, ...root.options];
  const options = own.flatMap((option) => flagsOf(option).map((word) => ({ word, meaning: option.description })));
  return {
    path: commandPath(command),
    commands: command.commands.map((child) => ({ word: child.name(), meaning: child.description() })),
    options: [...options, { word: "--help", meaning: "say how it is used" }],
    choices: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
  };
}

function flagsOf({ long, short }: Option): readonly string[] {
  return [long, short].filter((flag) => typeof flag === "string");
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function choicesOf(options: readonly Option[]): ReadonlyMap<string, readonly string[]> {
  const limited = options.flatMap((option) => flagsOf(option).map((flag) => [flag, option.argChoices ?? []] as const));
  return new Map(
    [...Map.groupBy(limited, ([flag]) => flag)].flatMap(([flag, all]) => {
      const choices = [...new Set(all.flatMap(([, some]) => some))];
      return choices.length === 0 ? [] : [[flag, choices] as const];
    }),
  );
}

function bashScript(
  places: readonly Place[],
  taking: readonly string[],
  choices: ReadonlyMap<string, readonly string[]>,
): string {
  const words = (which: (place: Place) => readonly string[]): string =>
    places.map((place) => `    ${quoted(place.path)}) echo ${quoted(which(place).join(" "))} ;;`).join("\n");
  return `# For ~/.bashrc: source <(rollcall completion bash)
_rollcall_commands() {
  case "$1" in
${words(({ commands }) => commands.map(({ word }) => word))}
  esac
}
_rollcall_options() {
  case "$1" in
${words(({ options }) => options.map(({ word }) => word))}
  esac
}
_rollcall_arguments() {
  case "$1" in
${words(({ choices: some }) => some)}
  esac
}
_rollcall_values() {
  case "$1" in
${[...choices].map(([flag, some]) => `    ${flag}) echo ${quoted(some.join(" "))} ;;`).join("\n")}
  esac
}
_rollcall() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" word i values
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      ${taking.join("|")}) i=$((i + 1)) ;;
      -*) ;;
      *) case " $(_rollcall_commands "$path") " in *" $word "*) path="\${path:+$path }$word" ;; esac ;;
    esac
  done
  case "$prev" in
    ${taking.join("|")})
      values="$(_rollcall_values "$prev")"
      if [ -n "$values" ]; then COMPREPLY=($(compgen -W "$values" -- "$cur")); else COMPREPLY=($(compgen -f -- "$cur")); fi
      return ;;
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$(_rollcall_options "$path")" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$(_rollcall_commands "$path") $(_rollcall_arguments "$path")" -- "$cur")) ;;
  esac
}
complete -F _rollcall rollcall
`;
}

function zshScript(
  places: readonly Place[],
  taking: readonly string[],
  choices: ReadonlyMap<string, readonly string[]>,
): string {
  const described = (words: readonly Word[]): string =>
    words.map(({ word, meaning }) => quoted(`${word.replaceAll(":", "\\:")}:${oneLine(meaning)}`)).join(" ");
  const cases = places.map(
    ({ path, commands, options, choices: some }) =>
      `    ${quoted(path)})\n      commands=(${described(commands)})\n      options=(${described(options)})\n      choices=(${some.map(quoted).join(" ")}) ;;`,
  );
  return `#compdef rollcall
# For ~/.zshrc, after compinit: source <(rollcall completion zsh)
_rollcall_at() {
  case "$1" in
${cases.join("\n")}
  esac
}
_rollcall() {
  local -a commands options choices
  local at="" word
  integer i
  _rollcall_at ""
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    case "$word" in
      ${taking.join("|")}) i=$((i + 1)) ;;
      -*) ;;
      *) if (( \${commands[(I)$word:*]} )); then at="\${at:+$at }$word"; _rollcall_at "$at"; fi ;;
    esac
  done
  case "\${words[CURRENT-1]}" in
${[...choices].map(([flag, some]) => `    ${flag}) compadd -- ${some.map(quoted).join(" ")}; return ;;`).join("\n")}
    ${taking.join("|")}) _files; return ;;
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe option options
  else
    _describe command commands
    (( \${#choices} )) && compadd -- "\${choices[@]}"
  fi
}
compdef _rollcall rollcall
`;
}

function fishScript(
  places: readonly Place[],
  taking: readonly string[],
  choices: ReadonlyMap<string, readonly string[]>,
): string {
  const lines = places.flatMap(({ path, commands, options, choices: some }) => {
    const at = `complete -c rollcall -f -n ${quoted(`__rollcall_at ${quoted(path)}`)}`;
    return [
      ...commands.map(({ word, meaning }) => `${at} -a ${quoted(word)} -d ${quoted(oneLine(meaning))}`),
      ...options.map(({ word, meaning }) => fishOption(at, word, meaning, taking, choices)),
      ...some.map((choice) => `${at} -a ${quoted(choice)}`),
    ];
  });
  const known = places.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  return `# For ~/.config/fish/completions/rollcall.fish: rollcall completion fish > that file
function __rollcall_at
  set -l at ""
  set -l skip 0
  for word in (commandline -opc)[2..]
    if test $skip = 1
      set skip 0
    else if contains -- $word ${taking.join(" ")}
      set skip 1
    else if contains -- (string trim "$at $word") ${known.join(" ")}
      set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}

function fishOption(
  at: string,
  word: string,
  meaning: string,
  taking: readonly string[],
  choices: ReadonlyMap<string, readonly string[]>,
): string {
  const flag = word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
  const some = choices.get(word);
  const value = some === undefined ? (taking.includes(word) ? " -rF" : "") : ` -x -a ${quoted(some.join(" "))}`;
  return `${at} ${flag}${value} -d ${quoted(oneLine(meaning))}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

/** Between single quotes, in which all three shells read nothing but a quote. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
