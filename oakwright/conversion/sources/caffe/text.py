"""Protobuf's text form, as ``.prototxt`` files are written in it.

A message is a dict: field -> list of values, in order; a value is text or another message.
Source: the text format's specification in Protocol Buffers' documentation.
"""

from __future__ import annotations

import re
from typing import Any

Message = dict[str, list[Any]]

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<word>[-+]?[A-Za-z0-9_./][\w.+/-]*)|(?P<sign>[{}<>:;,\[\]])"""
)
_DEEPEST = 32
_CLOSING = {"{": "}", "<": ">"}


class TextError(Exception):
    """The text is no protobuf text; says the line."""


def parse(text: str) -> Message:
    """The message of a whole file. Raises TextError with the line."""
    tokens = _tokens(text)
    message, at = _message(tokens, 0, "", 0)
    if at != len(tokens):
        raise TextError(f"'{tokens[at][0]}' in line {tokens[at][1]} closes nothing")
    return message


def _tokens(text: str) -> list[tuple[str, int]]:
    found, at, line = [], 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise TextError(f"{text[at]!r} in line {line} begins no word")
        if match.lastgroup:
            found.append((match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    return found


def _message(
    tokens: list[tuple[str, int]], at: int, closing: str, depth: int
) -> tuple[Message, int]:
    if depth > _DEEPEST:
        raise TextError(f"messages nested deeper than {_DEEPEST}")
    message: Message = {}
    while at < len(tokens):
        word, line = tokens[at]
        at += 1
        if word == closing:
            return message, at
        if word in ";,":
            continue
        if not re.match(r"[A-Za-z_]", word):
            raise TextError(f"'{word}' in line {line} where a field's name was expected")
        at = _value(tokens, at, message.setdefault(word, []), line, depth)
    if closing:
        raise TextError(f"the file ends before a '{closing}'")
    return message, at


def _value(tokens: list[tuple[str, int]], at: int, values: list[Any], line: int, depth: int) -> int:
    has_colon = at < len(tokens) and tokens[at][0] == ":"
    at += has_colon
    if at >= len(tokens):
        raise TextError(f"the file ends inside the field of line {line}")
    word, line = tokens[at]
    at += 1
    if word in _CLOSING:
        inner, at = _message(tokens, at, _CLOSING[word], depth + 1)
        values.append(inner)
    elif word == "[" and has_colon:
        while at < len(tokens) and tokens[at][0] != "]":
            if tokens[at][0] != ",":
                values.append(_scalar(*tokens[at]))
            at += 1
        at += 1
    elif has_colon:
        values.append(_scalar(word, line))
    else:
        raise TextError(f"a ':' is missing in line {line}")
    return at


def _scalar(word: str, line: int) -> str:
    if word in "{}<>:;,[]":
        raise TextError(f"'{word}' in line {line} where a value was expected")
    return word[1:-1] if word[0] in "\"'" else word
