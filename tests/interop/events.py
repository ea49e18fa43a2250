"""Validates events against docs/asyncapi.yaml with jsonschema, which had no part in making either.

Reads one JSON object per line from the file that is its first argument: an event, or one of
{"answer": ...}, {"command": ...}, {"question": ...}, {"reply": ...}.
Prints {"type": ..., "errors": [...]} for each, then {"catalogue": [types]}.
"""

import json
import pathlib
import sys

import jsonschema
import referencing
import referencing.jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = "urn:yizhan:asyncapi"
OTHERS = ("answer", "command", "question", "reply")


def main():
    document = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8"))
    assert document["asyncapi"] == "3.0.0"
    resource = referencing.Resource(contents=document, specification=referencing.jsonschema.DRAFT7)
    registry = referencing.Registry().with_resource(BASE, resource)

    def validator(pointer):
        schema = {"$ref": f"{BASE}#{pointer}"}
        formats = jsonschema.Draft7Validator.FORMAT_CHECKER
        return jsonschema.Draft7Validator(schema, registry=registry, format_checker=formats)

    by_type = {
        message["name"]: validator(f"/components/messages/{key}/payload")
        for key, message in document["components"]["messages"].items()
    }
    # Every message of a channel exists, and every event of the catalogue is on the channel.
    on_channel = document["channels"]["events"]["messages"]
    for key, reference in on_channel.items():
        assert reference["$ref"] == f"#/components/messages/{key}", key
        assert key in document["components"]["messages"], key
    for line in pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        kind = next((word for word in OTHERS if set(found) == {word}), found.get("type"))
        value = found[kind] if kind in OTHERS else found
        if kind not in by_type:
            errors = ["this type is not in the document"]
        else:
            errors = [f"{error.json_path}: {error.message}" for error in by_type[kind].iter_errors(value)]
        print(json.dumps({"type": kind, "errors": errors}))
    names = sorted(document["components"]["messages"][key]["name"] for key in on_channel)
    print(json.dumps({"catalogue": names}))


if __name__ == "__main__":
    main()
