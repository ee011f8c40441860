// A JSON list of objects on standard input; faults of those of the Prometheus operator on standard output, a line each.
// The argument is the folder that has node_modules.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = "node_modules/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index.js";
const models = await import(pathToFileURL(join(process.argv[2], folder)));
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  if (object.apiVersion !== "monitoring.coreos.com/v1") continue;
  try {
    new models[object.kind](object).validate();
  } catch (fault) {
    console.log(`${object.kind} ${object.metadata.name}: ${fault.message}`);
  }
}
