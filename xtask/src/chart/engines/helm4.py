"""What the chart's tests ask of programs in Python: rendering by Helm 4, and the schemas of Kubernetes.

    helm4.py lint CHART VALUES             findings, a line each
    helm4.py render CHART VALUES           objects as a JSON list, hooks and NOTES included; or the fault on standard error
    helm4.py objects                       YAML documents of standard input as a JSON list
    helm4.py validate VERSION [VERSION…]   a JSON list of objects against these Kubernetes versions, strictly: faults, a line each
"""

import json
import sys

import yaml


def values(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file) or {}


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def lint(chart, path):
    import helm_python as helm

    for finding in helm.lint(chart, values(path))["messages"]:
        if finding["severity"] not in ("info", "INFO", 1):
            print(finding)


def render(chart, path):
    import helm_python as helm

    with helm.Chart.load(chart) as loaded:
        files = loaded.render(values(path), name="saker", namespace="security")
    objects = []
    for name, text in sorted(files.items()):
        if name.endswith(".yaml"):
            objects += documents(text)
        elif name.endswith("NOTES.txt"):
            objects.append({"kind": "NOTES", "text": text})
    json.dump(objects, sys.stdout)


def validate(versions):
    import kubernetes_validate

    for thing in json.load(sys.stdin):
        if "monitoring.coreos.com" in thing.get("apiVersion", "") or thing["kind"] == "NOTES":
            continue
        for version in versions:
            try:
                kubernetes_validate.validate(thing, version, strict=True)
            except Exception as fault:
                print(f"{version}: {thing['kind']} {thing['metadata']['name']}: {fault}")


def main(task, *arguments):
    if task == "lint":
        lint(*arguments)
    elif task == "render":
        try:
            render(*arguments)
        except Exception as fault:
            sys.exit(str(fault))
    elif task == "objects":
        json.dump(documents(sys.stdin.read()), sys.stdout)
    elif task == "validate":
        validate(arguments)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
