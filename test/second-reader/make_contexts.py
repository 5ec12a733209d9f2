"""Writes fixtures/vectors/encryption-contexts.json: contexts of which no two are the same. Run by hand."""
import json
import pathlib

import formats as f

MAX_BYTES = 8192

CASES = [
    ("no pairs", {}),
    ("where a key ends", {"a":"bc"}),
    ("where a key ends, moved", {"ab":"c"}),
    ("two pairs", {"a":"b","c":"d"}),
    ("two pairs in one", {"a":"bcd"}),
    ("values swapped", {"a":"d","c":"b"}),
    ("key and value swapped", {"b":"a","d":"c"}),
    ("upper case key", {"A":"bc"}),
    ("upper case value", {"a":"BC"}),
    ("UTF-8 order is not UTF-16 order", {"\uff5a":"1","\U0001f600":"2"}),
    ("the same, values swapped", {"\uff5a":"2","\U0001f600":"1"}),
    ("digits: an object would order them as numbers", {"10":"x","9":"y","b":"z","a":"w"}),
    ("__proto__", {"__proto__":"x"}),
    ("constructor", {"constructor":"x"}),
    ("toString and __proto__", {"toString":"x","__proto__":"y"}),
    ("hasOwnProperty", {"hasOwnProperty":"x"}),
    ("empty value", {"a":""}),
    ("empty key", {"":"a"}),
    ("empty key and value", {"":""}),
    ("empty value beside another", {"a":"bc","d":""}),
    ("composed", {"\u00e9":"x"}),
    ("decomposed", {"e\u0301":"x"}),
    ("dotless and dotted i", {"\u0131":"x","i":"y"}),
    ("NUL", {"a\0b":"c"}),
    ("NUL elsewhere", {"a":"b\0c"}),
    ("NUL between, as a join would have it", {"a":"\0bc"}),
    ("JSON inside", {"a":"b\",\"c\":\"d"}),
    ("blanks", {" a":"bc"}),
    ("blanks at the end", {"a ":"bc"}),
    ("line break", {"a":"bc\n"}),
    ("a number's text", {"a":"1"}),
    ("the other text of the number", {"a":"1.0"}),
    ("replacement character", {"\ufffd":"x"}),
    ("8,192 bytes of JSON", {"k":"v"*(MAX_BYTES - 8)})
]

# As a client would send it; every other one with its characters escaped.
vectors = [
    {
        "comment": comment,
        "json": json.dumps(context, ensure_ascii=i % 2 == 1, separators=(",", ":")),
        "encoded": f.encode_context(context).hex(),
    }
    for i, (comment, context) in enumerate(CASES)
]
assert len(vectors[-1]["json"]) == MAX_BYTES
path = pathlib.Path(__file__).parents[2] / "fixtures/vectors/encryption-contexts.json"
path.write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")
