"""Reads lines of matches as what consumes Falco's JSON does, and holds them to the schema given as argument.

Prints how many lines there were; fails on the first that is not right.
"""

import json
import sys
from datetime import datetime, timezone

from jsonschema import Draft202012Validator

PRIORITIES = ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"]

with open(sys.argv[1]) as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)

count = 0
for line in sys.stdin:
    match = json.loads(line)
    validator.validate(match)
    # What forwarders of Falco's output look at before they take an event.
    assert match["rule"] and match["source"] == "syscall"
    assert match["priority"] in PRIORITIES
    seconds, fraction = match["time"].removesuffix("Z").split(".")
    moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    assert int(moment.timestamp()) * 10**9 + int(fraction) == match["output_fields"]["evt.time"]
    assert all(isinstance(tag, str) for tag in match["tags"])
    assert f" {match['priority']} " in match["output"]
    for name, value in match["output_fields"].items():
        assert "." in name and not isinstance(value, dict), name
    count += 1
print(count)
