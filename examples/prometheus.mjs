// TCP sockets as Prometheus metrics: `node examples/prometheus.mjs [PORT]`, then `curl localhost:9419/metrics`.
import { createServer } from "node:http";
import { socketsAsync } from "sockscope";

/** The text of one metric. Labels contain only ss's own words, which need no escaping. */
function metric(name, help, values) {
  const lines = Array.from(values, ([labels, value]) => `${name}{${labels}} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
}

async function metrics() {
  const [counts, bytes] = [new Map(), new Map()];
  const add = (map, labels, value) => map.set(labels, (map.get(labels) ?? 0) + value);
  for await (const { state, family, rqueue, wqueue } of socketsAsync({ tables: ["tcp"] })) {
    add(counts, `state="${state}",family="${family}"`, 1);
    // A listener's queues count connections, not bytes.
    if (state !== "LISTEN") add(bytes, `queue="receive"`, rqueue);
    if (state !== "LISTEN") add(bytes, `queue="send"`, wqueue);
  }
  return metric("tcp_sockets", "TCP sockets.", counts) + metric("tcp_queue_bytes", "Bytes in queues.", bytes);
}

const server = createServer(async (_, response) => {
  response.setHeader("Content-Type", "text/plain; version=0.0.4");
  response.end(await metrics());
});
server.listen(Number(process.argv[2] ?? 9419), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/metrics`);
});
