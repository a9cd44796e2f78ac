// node's `ws`: 200 bytes to all who are connected, as often as standard input says.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, backlog: 1000 });
server.on("listening", () => console.log(server.address().port));
process.stdin.once("data", (line) => {
  const [count, intervalS] = line.toString().split(" ").map(Number);
  const beganMs = performance.now();
  let sent = 0;
  const step = () => {
    if (sent >= count) return;
    const clients = [...server.clients];
    if (intervalS || clients.every((client) => client.bufferedAmount < 65536)) {
      sent += 1;
      const head = `{"at": ${((performance.timeOrigin + performance.now()) / 1000).toFixed(6)}, "x": "`;
      const message = head + "x".repeat(198 - head.length) + '"}';
      for (const client of clients) client.send(message);
    }
    if (intervalS) setTimeout(step, beganMs + sent * intervalS * 1000 - performance.now());
    else setImmediate(step);
  };
  step();
});
