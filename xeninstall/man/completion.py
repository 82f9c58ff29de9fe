"""Completion for bash, made from the parser: verbs, options, their choices, and files where a file is wanted."""

import argparse
from collections.abc import Callable, Iterator

from xeninstall.answers.examples import names

from .parsers import Argument, Verb, verbs

# Operands whose words the parser does not know.
_OPERANDS: dict[str, Callable[[], list[str]]] = {"example": names}

_SCRIPT = """# bash completion for @PROG@; source it, or put it into /etc/bash_completion.d.
_@NAME@() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= word
    COMPREPLY=()
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
            @VERBS@) verb=$word; break ;;
        esac
    done
    case "$verb $prev" in
@VALUES@    esac
    if [[ $cur == -* ]]; then
        case $verb in
@OPTIONS@        esac
        return
    fi
    case $verb in
@REST@    esac
}

_@NAME@_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_@NAME@_files() {
    compopt -o filenames 2>/dev/null || :
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

complete -F _@NAME@ @PROG@
"""


def bash_completion(parser: argparse.ArgumentParser) -> str:
    """A script to be sourced by bash 4.2 or later."""
    name = parser.prog.replace("-", "_")
    top, *below = verbs(parser)
    script = _SCRIPT.replace("@VERBS@", "|".join(verb.name for verb in below) or "''")
    script = script.replace("@VALUES@", "".join(line for verb in (top, *below) for line in _values(verb)))
    script = script.replace("@OPTIONS@", "".join(_options(verb) for verb in (top, *below)))
    rest = [f'        "") {_words([verb.name for verb in below])} ;;\n', *(_operands(verb) for verb in below)]
    return script.replace("@REST@", "".join(rest)).replace("@NAME@", name).replace("@PROG@", parser.prog)


def _values(verb: Verb) -> Iterator[str]:
    for argument in verb.arguments:
        if argument.flags and argument.value:
            patterns = "|".join(f'"{verb.name} {flag}"' for flag in argument.flags)
            yield f"        {patterns}) {_complete(argument)}; return ;;\n"


def _options(verb: Verb) -> str:
    flags = [flag for argument in verb.arguments for flag in argument.flags]
    return f'            "{verb.name}") {_words(flags)} ;;\n'


def _operands(verb: Verb) -> str:
    operands = [argument for argument in verb.arguments if not argument.flags]
    if verb.name in _OPERANDS:
        return f'        "{verb.name}") {_words(_OPERANDS[verb.name]())} ;;\n'
    if len(operands) > 1 and operands[0].choices:
        # The word after the verb is one of the choices; what follows it is the next operand.
        first, rest = _complete(operands[0]), _complete(operands[1])
        return f'        "{verb.name}") if [[ $prev == {verb.name} ]]; then {first}; else {rest}; fi ;;\n'
    return "".join(f'        "{verb.name}") {_complete(argument)} ;;\n' for argument in operands[:1])


def _complete(argument: Argument) -> str:
    if argument.choices:
        return _words(list(argument.choices))
    return '_@NAME@_files "$cur"' if argument.takes_file else ":"


def _words(words: list[str]) -> str:
    return f"""_@NAME@_words "{" ".join(words)}" "$cur\""""
